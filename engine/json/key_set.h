// The top-level keys of one body, to find one that comes twice.
//
// A fixed hash table without clearing: a slot counts only when it carries the number of the current
// body. At most kMax keys, so a body of a million keys is refused and not looked up. The keys are
// borrowed until the next clear(). One thread.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace weir {

class KeySet {
 public:
  static constexpr uint32_t kMax = 1024;
  enum class Added : uint8_t { kNew, kDuplicate, kFull };

  KeySet();
  void clear();
  [[nodiscard]] Added add(std::string_view key);

 private:
  struct Slot {
    uint32_t round = 0;
    uint32_t hash = 0;
    std::string_view key;
  };
  // Half empty at the worst, so that probing stays short.
  static constexpr uint32_t kSlots = 2 * kMax;
  static_assert((kSlots & (kSlots - 1)) == 0);

  [[nodiscard]] uint32_t hash_of(std::string_view key) const;

  uint64_t seed_;
  uint32_t round_ = 1;
  uint32_t count_ = 0;
  std::array<Slot, kSlots> slots_{};
};

}  // namespace weir
