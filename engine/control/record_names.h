// What the log and the usage store call the slots of a record: found once for each combination of
// key, alias and target that is in use, and kept until a slot gets another name.
//
// The newest combination takes the place of one that falls on the same, so memory is bounded. A
// record is asked for while its slots still mean what they meant to the worker that wrote it (the
// invariants of registry.h). Control thread.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>

#include "control/registry.h"
#include "control/usage/usage_store.h"
#include "link/ledger_record.h"

namespace weir {

class RecordNames {
 public:
  struct Names {
    // JSON members of the log's line, a comma before each: of key, key_id, tenant, alias and target
    // those that are known.
    std::string members;
    uint32_t target = kNoSlot;   // of the series
    std::string target_quoted = "\"\"";  // its name as a JSON string
    // Where its usage is added, by type and source.
    std::array<UsagePlace, kUsagePlaces> usage;
  };

  RecordNames() : entries_(std::make_unique<std::array<Entry, kEntries>>()) {}
  // Until the next call.
  [[nodiscard]] Names& of(const LedgerRecord& record, const Registry& registry) {
    Entry& entry = (*entries_)[place(record)];
    const bool known = entry.version == registry.names_version() &&
                       entry.principal == record.principal && entry.route == record.route &&
                       entry.series == record.series;
    if (!known) fill(record, registry, &entry);
    return entry.names;
  }

 private:
  static constexpr size_t kEntries = 256;
  struct Entry {
    uint64_t version = UINT64_MAX;
    uint32_t principal = kNoSlot, route = kNoSlot, series = kNoSlot;
    Names names;
  };
  static size_t place(const LedgerRecord& record) {
    return (record.principal * 31 + record.route * 7 + record.series) % kEntries;
  }
  static void fill(const LedgerRecord& record, const Registry& registry, Entry* entry);

  std::unique_ptr<std::array<Entry, kEntries>> entries_;
};

// Empty for a slot that is not in use.
[[nodiscard]] std::string_view target_name(const Registry& registry, uint32_t slot);

}  // namespace weir
