// What the two adapter fuzzers share: a target of each adapter, a call, and the steps up to a send.
//
// For fuzzers only. One thread.
#pragma once

#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>

#include "adapters/common/openai_shape.h"
#include "adapters/registry.h"
#include "base/arena.h"
#include "json/reply_scan.h"
#include "json/request_scan.h"
#include "route/target.h"

namespace weir {

// A request, scanned; ok() is false when the scanner refuses it.
class FuzzRequest {
 public:
  explicit FuzzRequest(std::string_view body)
      : size_(body.size()), bytes_(new char[size_ + RequestScanner::kPadding]) {
    std::memcpy(bytes_.get(), body.data(), size_);
    std::memset(bytes_.get() + size_, 0, RequestScanner::kPadding);
    ok_ = scanner_.scan({bytes_.get(), size_}, {}, &view_).has_value();
  }
  [[nodiscard]] bool ok() const { return ok_; }
  [[nodiscard]] const RequestView& view() const { return view_; }

 private:
  size_t size_;
  std::unique_ptr<char[]> bytes_;
  RequestScanner scanner_;
  RequestView view_;
  bool ok_ = false;
};

inline std::unique_ptr<Target> fuzz_target(const Adapter& adapter, std::string_view model,
                                           Endpoint endpoint) {
  auto provider = std::make_shared<Provider>();
  provider->name = "prov";
  provider->host = provider->authority = "api.example";
  provider->credential = "some-key";
  if (adapter.name == "bedrock") {
    provider->options = {{"region", "us-east-1"},
                         {"access_key_id", "AKIDEXAMPLE"},
                         {"secret_access_key", "no-real-secret"}};
  }
  if (adapter.name == "watsonxai") provider->options = {{"project_id", "some-project"}};
  auto target = std::make_unique<Target>();
  target->model = model;
  target->model_json = "\"" + std::string(model) + "\"";
  const auto prepare = adapter.prepare != nullptr ? adapter.prepare : openai_prepare;
  const PrepareInput input{*provider, target->model, endpoint};
  std::string head;
  if (!prepare(input, &head)) std::abort();
  target->heads[endpoint_index(endpoint)] = std::move(head);
  target->provider = provider;
  target->adapter = &adapter;
  return target;
}

struct FuzzCall {
  FuzzCall(const RequestView& view, const Target& target, Endpoint endpoint, bool strict)
      : call{.request = view,
             .target = target,
             .endpoint = endpoint,
             .strict_params = strict,
             .unix_ms = 1'700'000'000'000,
             .random = {1, 2},
             .request_id = {},
             .token = {},
             .arena = arena,
             .scratch = scratch,
             .scanner = scanner,
             .state = state,
             .dropped_params = {}} {}

  // Gives each send to `visit`; ends when one reply is waited for, or the adapter gives up.
  template <typename Visit>
  void sends(Visit visit) {
    uint32_t parts = 1;
    for (uint32_t i = 0; i < parts + 4 && i < 64; ++i) {
      Step step;
      scratch.reset();
      const auto done = call.target.adapter->next != nullptr
                            ? call.target.adapter->next(call, &step)
                            : openai_next(call, &step);
      ++call.step;
      if (!done || step.kind == StepKind::kFail) return;
      if (step.kind == StepKind::kNeedToken) call.token = "some-token";
      if (step.kind == StepKind::kFanOut) parts = step.count;
      if (step.kind != StepKind::kSend) continue;
      visit(step.request);
      if (++call.part >= parts) return;
    }
  }

  Arena arena;
  Arena scratch;
  ReplyScanner scanner;
  AdapterState state;
  Call call;
};

}  // namespace weir
