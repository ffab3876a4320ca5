#include "json/key_set.h"

#include <cstring>

namespace weir {

namespace {

template <typename Word>
Word load(const char* at) {
  Word word = 0;
  std::memcpy(&word, at, sizeof(word));
  return word;
}

}  // namespace

// The address differs from run to run, so that nobody can prepare keys that collide.
KeySet::KeySet() : seed_(reinterpret_cast<uintptr_t>(this) * 0x9E3779B97F4A7C15U) {}

void KeySet::clear() {
  count_ = 0;
  if (++round_ != 0) return;
  slots_.fill(Slot{});
  round_ = 1;
}

KeySet::Added KeySet::add(std::string_view key) {
  const uint32_t hash = hash_of(key);
  uint32_t at = hash % kSlots;
  while (slots_[at].round == round_) {
    if (slots_[at].hash == hash && slots_[at].key == key) return Added::kDuplicate;
    at = (at + 1) % kSlots;
  }
  if (count_ == kMax) return Added::kFull;
  ++count_;
  slots_[at] = {round_, hash, key};
  return Added::kNew;
}

uint32_t KeySet::hash_of(std::string_view key) const {
  uint64_t state = seed_ ^ key.size();
  const auto mix = [&](uint64_t word) {
    state = (state ^ word) * 0xD6E8FEB86659FD93U;
    state ^= state >> 32;
  };
  const char* at = key.data();
  size_t left = key.size();
  for (; left > sizeof(uint64_t); left -= sizeof(uint64_t), at += sizeof(uint64_t)) {
    mix(load<uint64_t>(at));
  }
  // The last bytes in one word, of which some may come twice; the seed knows the size.
  if (left >= sizeof(uint32_t)) {
    mix(uint64_t{load<uint32_t>(at)} << 32 | load<uint32_t>(at + left - sizeof(uint32_t)));
  } else if (left != 0) {
    mix(uint64_t{load<uint8_t>(at)} << 16 | uint64_t{load<uint8_t>(at + left / 2)} << 8 |
        load<uint8_t>(at + left - 1));
  }
  return static_cast<uint32_t>(state);
}

}  // namespace weir
