// What the log and the usage store call the slots of a record, and the part of its line in the log
// that tells no times and sizes: made once for each combination of traits that is in use, and kept
// until a slot gets another name.
//
// The newest combination takes the place of one that falls on the same, so memory is bounded. A
// record is asked for while its slots still mean what they meant to the worker that wrote it (the
// invariants of registry.h). Control thread.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "control/registry.h"
#include "control/usage/usage_store.h"
#include "link/ledger_record.h"

namespace weir {

class RecordNames {
 public:
  struct Names {
    // JSON members of the log's line, a comma before each: `kind` to `stream`, and of those that
    // were tried `attempt_count`; key, key_id, tenant, alias and target where they are known.
    [[nodiscard]] std::string_view members() const { return {text.data(), members_size}; }
    // The same and `attempts` up to the duration of the first, for a record of one attempt that
    // went as usual: it had no fault, and the client was given its status.
    [[nodiscard]] std::string_view members_and_usual_attempt() const { return {text.data(), size}; }

    std::string text;  // with kLineSlack zeros at its end
    size_t members_size = 0, size = 0;
    uint32_t target = kNoSlot;  // of the series
    // Where its usage is added, by source.
    std::array<UsagePlace, kUsageSources> usage;
  };

  RecordNames() : entries_(std::make_unique<std::array<Entry, kEntries>>()) {}
  // Until the next call.
  [[nodiscard]] Names& of(const LedgerRecord& record, const Registry& registry) {
    const RecordTraits traits = record_traits(record);
    Entry& entry = (*entries_)[place(traits)];
    const bool known = entry.version == registry.names_version() && entry.traits == traits;
    if (!known) fill(record, registry, &entry);
    return entry.names;
  }

 private:
  static constexpr size_t kEntries = 256;
  struct Entry {
    uint64_t version = UINT64_MAX;
    RecordTraits traits{};
    Names names;
  };
  // The highest bits of products, which all bits of the traits go into; the method does not count.
  static size_t place(const RecordTraits& traits) {
    constexpr uint64_t kGolden = 0x9e3779b97f4a7c15;
    const uint64_t sum = (traits[0] * kGolden ^ traits[1]) * kGolden ^ traits[2];
    static_assert(kEntries == 256);
    return sum * kGolden >> 56;
  }
  static void fill(const LedgerRecord& record, const Registry& registry, Entry* entry);

  std::unique_ptr<std::array<Entry, kEntries>> entries_;
};

// Empty for a slot that is not in use.
[[nodiscard]] std::string_view target_name(const Registry& registry, uint32_t slot);

}  // namespace weir
