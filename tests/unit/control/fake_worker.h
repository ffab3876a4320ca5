// Plays a worker for tests of the control plane: takes publications, fills scrapes, pushes records.
// One thread, driven by the test.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <weir/adapter.h>

#include "control/config_load.h"
#include "link/worker_link.h"

namespace weir::test {

inline Result<void> fake_prepare(const PrepareInput& input, std::string* head) {
  if (input.provider.credential == "refused") {
    return std::unexpected(Error{Errc::kConfig, "the key is refused", "data.apikey"});
  }
  *head = "POST " + input.provider.base_path + " HTTP/1.1\r\nHost: " + input.provider.authority +
          "\r\n";
  return {};
}

constexpr uint32_t kAllEndpoints = 7;
inline constexpr Adapter kOpenai{.size = sizeof(Adapter), .name = "openai",
                                 .endpoints = kAllEndpoints, .local = false, .prepare = nullptr,
                                 .next = nullptr, .inspect = nullptr,
                                 .transform_response = nullptr, .transform_stream = nullptr,
                                 .map_error = nullptr, .list_models = nullptr};
inline constexpr Adapter kLoopback{.size = sizeof(Adapter), .name = "loopback",
                                   .endpoints = kAllEndpoints, .local = true,
                                   .prepare = fake_prepare, .next = nullptr, .inspect = nullptr,
                                   .transform_response = nullptr, .transform_stream = nullptr,
                                   .map_error = nullptr, .list_models = nullptr};
inline constexpr const Adapter* kAdapters[] = {&kOpenai, &kLoopback};

inline AddressClass fake_classify(std::string_view host) {
  if (host == "169.254.169.254") return AddressClass::kForbidden;
  return host.starts_with("10.") ? AddressClass::kPrivate : AddressClass::kPublic;
}

inline Result<void> fake_check_ca(const std::string& pem, std::string* detail) {
  if (pem.find("garbage") == std::string::npos) return {};
  *detail = "a PEM block cannot be read";
  return std::unexpected(Error{Errc::kConfig, "no CA"});
}

inline ConfigOptions fake_options() {
  ConfigOptions options;
  options.adapters = kAdapters;
  options.classify = fake_classify;
  options.check_ca = fake_check_ca;
  return options;
}

class FakeWorker {
 public:
  FakeWorker() : link(0, 1) {}

  WorkerLink link;
  const Publication* current = nullptr;

  // One turn of its loop: adopt, fill scrapes, take answers.
  void turn(ControlLink* control) {
    if (const Publication* next = link.publication.take()) {
      current = next;
      clear(next->clear);
      link.adopted_epoch.store(next->snapshot->epoch(), std::memory_order_release);
    }
    for (Scrape* scrape = link.scrapes.take_all(); scrape != nullptr;) {
      Scrape* next = scrape->next_message;
      scrape->block = block;
      control->scrapes.push(scrape);
      scrape = next;
    }
    for (ManagementCall* call = link.answers.take_all(); call != nullptr;) {
      ManagementCall* next = call->next_message;
      answered.emplace_back(call);
      call = next;
    }
  }

  // As a key of the tenant `default`.
  void call(ControlLink* control, const char* method, const char* path, bool admin = true,
            std::string body = {}) {
    auto* message = new ManagementCall;
    message->worker = &link;
    message->method = method;
    message->path = path;
    message->body = std::move(body);
    message->key_id = "key";
    message->tenant = kDefaultTenant;
    message->environment = kProduction;
    message->admin = admin;
    control->calls.push(message);
  }

  // As proxy/worker.cc does it.
  void clear(const SlotsToClear& slots) {
    for (const uint32_t slot : slots.series) {
      if (slot >= block.series.size()) continue;
      counters_add(&block.gone_series, std::exchange(block.series[slot], {}));
    }
    for (const uint32_t slot : slots.targets) {
      if (slot >= block.targets.size()) continue;
      counters_add(&block.gone_targets, std::exchange(block.targets[slot], {}));
    }
  }

  MetricsBlock block;
  std::vector<std::unique_ptr<ManagementCall>> answered;
};

}  // namespace weir::test
