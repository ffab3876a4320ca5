// The control thread's part of one finished request: its record comes out of the ring, its line is
// written and its usage added. What path_count counts and ledger_bench times. One thread.
#pragma once

#include <cstring>
#include <memory>
#include <string>
#include <string_view>

#include "base/ring.h"
#include "control/access_log.h"
#include "control/record_names.h"
#include "control/registry.h"
#include "control/usage/usage_feed.h"
#include "link/ledger_record.h"

namespace weir::bench {

class LedgerWork {
 public:
  LedgerWork() : store_(std::move(*UsageStore::open(""))) {
    record_.route = registry_.route_slot("default", "production", "gpt-4o-mini", 0, &leases_);
    const uint32_t target = registry_.target_slot("default", "cloud", "gpt-4o-mini",
                                                   &leases_);
    record_.series = registry_.series_slot(record_.route, target, &leases_);
    record_.principal = registry_.pin_take({"6f1c2a0e-1111-4222-8333-444455556666", "app",
                                            "default"},
                                           &leases_);
    record_.kind = RequestKind::kInference;
    record_.outcome = Outcome::kCompleted;
    record_.status = 200;
    record_.started_unix_ms = 1'700'000'000'007;
    record_.request_bytes = 4096;
    record_.response_bytes = 589;
    record_.total_us = 182'345;
    record_.stage_us = {0, 14, 4, 0, 0, 182'310, 9, 8};
    record_.attempt_count = 1;
    record_.attempts[0] = {target, 200, Fault::kNone, 182'331};
    record_.usage = {.prompt_tokens = 900, .completion_tokens = 64, .total_tokens = 964,
                     .source = UsageSource::kProvider};
    put(record_.method, &record_.method_len, "POST");
    put(record_.peer, &record_.peer_len, "127.0.0.1");
    put(record_.request_id, &record_.request_id_len, "req-0123456789abcdef01234567");
  }

  // As a worker does: the record goes into the ring.
  bool push() {
    LedgerRecord* slot = ring_.reserve();
    if (slot == nullptr) return false;
    record_copy(slot, record_);
    ring_.publish();
    return true;
  }
  // As the control thread does, for all that wait.
  size_t drain() {
    size_t bytes = 0;
    ring_.drain([&](const LedgerRecord& record) {
      RecordNames::Names& names = names_.of(record, registry_);
      const size_t room = access_line_room(record, names, registry_);
      line_.resize_and_overwrite(room, [&](char* text, size_t) {
        return static_cast<size_t>(access_line(text, record, names, registry_) - text);
      });
      bytes += line_.size();
      add_usage(record, &names);
    });
    return bytes;
  }
  // The same with the log off.
  size_t drain_usage() {
    return ring_.drain([this](const LedgerRecord& record) {
      add_usage(record, &names_.of(record, registry_));
    });
  }
  bool run() { return push() && drain() != 0; }
  bool run_usage() { return push() && drain_usage() != 0; }

 private:
  void add_usage(const LedgerRecord& record, RecordNames::Names* names) {
    UsagePlace& place = names->usage[static_cast<size_t>(record.usage.source)];
    if (store_->add_at(place, usage_numbers_of(record, registry_))) return;
    place = store_->add(usage_row_of(record, registry_));
  }
  static void put(char* to, uint8_t* length, std::string_view text) {
    std::memcpy(to, text.data(), text.size());
    *length = static_cast<uint8_t>(text.size());
  }

  Registry registry_;
  SlotLeases leases_{&registry_};  // ends before the registry
  std::unique_ptr<UsageStore> store_;
  RecordNames names_;
  Ring<LedgerRecord> ring_{64};
  LedgerRecord record_;
  std::string line_;
};

}  // namespace weir::bench
