// Finds numbers by 64-bit hashes: the index beside a table whose rows hold what was hashed.
//
// Open addressing with linear probing, at most half full; several rows may have one hash, so the
// caller compares what it finds. One thread. A number is in it at most once with its hash.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <string_view>
#include <vector>

#include "base/check.h"

namespace weir {

// Of a list of texts. Not for names that strangers choose: the seed is known.
[[nodiscard]] inline uint64_t texts_hash(std::initializer_list<std::string_view> texts) {
  uint64_t hash = 0;
  for (const std::string_view text : texts) {
    // The order and the ends of the texts count.
    hash = (hash ^ std::hash<std::string_view>{}(text)) * 0x9fb21c651e98df25ull;
    hash ^= hash >> 32;
  }
  return hash;
}

[[nodiscard]] inline uint64_t number_hash(uint64_t number) {
  number *= 0x9e3779b97f4a7c15ull;
  return number ^ (number >> 32);
}

class HashIndex {
 public:
  static constexpr uint32_t kNone = UINT32_MAX;

  // The first number with that hash for which `same(number)` holds, or kNone.
  template <typename Same>
  [[nodiscard]] uint32_t find(uint64_t hash, Same same) const {
    if (count_ == 0) return kNone;
    const size_t mask = entries_.size() - 1;
    for (size_t i = hash & mask; entries_[i].number != kNone; i = (i + 1) & mask) {
      if (entries_[i].hash == hash && same(entries_[i].number)) return entries_[i].number;
    }
    return kNone;
  }

  void insert(uint64_t hash, uint32_t number) {
    WEIR_CHECK(number != kNone);
    if ((count_ + 1) * 2 > entries_.size()) resize((count_ + 1) * 4);
    put({hash, number});
    ++count_;
  }

  void erase(uint64_t hash, uint32_t number) {
    WEIR_CHECK(count_ != 0);
    const size_t mask = entries_.size() - 1;
    size_t hole = hash & mask;
    while (entries_[hole].number != number || entries_[hole].hash != hash) {
      WEIR_CHECK(entries_[hole].number != kNone);
      hole = (hole + 1) & mask;
    }
    // What stands behind the hole and was pushed there moves up, so that no search ends early.
    for (size_t i = (hole + 1) & mask; entries_[i].number != kNone; i = (i + 1) & mask) {
      const size_t home = entries_[i].hash & mask;
      if (((i - home) & mask) < ((i - hole) & mask)) continue;
      entries_[hole] = entries_[i];
      hole = i;
    }
    entries_[hole] = {};
    --count_;
  }

  void reserve(size_t count) {
    if (count * 2 > entries_.size()) resize(count * 2);
  }
  [[nodiscard]] size_t size() const { return count_; }

 private:
  struct Entry {
    uint64_t hash = 0;
    uint32_t number = kNone;
  };
  void put(Entry entry) {
    const size_t mask = entries_.size() - 1;
    size_t i = entry.hash & mask;
    while (entries_[i].number != kNone) i = (i + 1) & mask;
    entries_[i] = entry;
  }
  void resize(size_t least) {
    const std::vector<Entry> former = std::move(entries_);
    entries_.assign(std::bit_ceil(least), {});
    for (const Entry& entry : former) {
      if (entry.number != kNone) put(entry);
    }
  }

  std::vector<Entry> entries_;  // a power of two, or empty
  size_t count_ = 0;
};

}  // namespace weir
