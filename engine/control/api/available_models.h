// Asks a provider which models it has: GET /v1/providers/{provider}/models/available.
//
// The adapter says what is sent and how a page of the answer reads; this class adds the provider's
// short-lived token where one is needed, the pages and the bounds. Every call that start() takes is
// answered exactly once, from there or from Outbound::perform(). The Outbound must be destroyed
// before this. Control thread.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>

#include <weir/adapter.h>

#include "control/outbound.h"
#include "link/worker_link.h"
#include "route/target.h"

namespace weir {

// What an adapter leaves null.
struct ListDefaults {
  Result<void> (*prepare)(const PrepareInput& input, std::string* head) = nullptr;
  Result<size_t> (*list_models)(std::string_view body, Arena& arena, std::span<ModelName> out,
                                std::string_view* cursor) = nullptr;
};

class AvailableModels {
 public:
  static constexpr size_t kMaxPages = 32;
  static constexpr size_t kMaxModels = 10'000;
  static constexpr size_t kMaxCalls = 16;  // at the same time

  AvailableModels(Outbound* outbound, ListDefaults defaults,
                  std::function<void(ManagementCall*)> answer)
      : outbound_(*outbound), defaults_(defaults), answer_(std::move(answer)) {}
  AvailableModels(const AvailableModels&) = delete;
  AvailableModels& operator=(const AvailableModels&) = delete;

  // Takes the call over.
  void start(std::shared_ptr<const Provider> provider, ManagementCall* call);
  [[nodiscard]] size_t in_flight() const { return in_flight_; }

 private:
  struct Listing;
  using ListingPtr = std::shared_ptr<Listing>;

  void token_ask(const ListingPtr& listing);
  void page_ask(const ListingPtr& listing);
  void page_read(const ListingPtr& listing, const OutboundReply& reply);
  void fail(const ListingPtr& listing, int status, std::string_view code, std::string message);
  void finish(const ListingPtr& listing);

  Outbound& outbound_;
  ListDefaults defaults_;
  std::function<void(ManagementCall*)> answer_;
  size_t in_flight_ = 0;
};

}  // namespace weir
