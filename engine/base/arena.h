// A bump allocator for what lives exactly as long as one request (or one attempt of it).
//
// Memory is never freed piecewise; reset() makes all of it reusable and keeps the first block.
// Only trivially destructible things may be put in. Owned by one Exchange, so one thread.
// Invariants: 1. cursor_ <= limit_. 2. blocks_ lists the extra blocks, newest first.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <type_traits>

namespace weir {

class Arena {
 public:
  Arena() = default;
  // With memory of the owner, aligned to 16 bytes, as first block: most requests need no other.
  Arena(char* first, size_t size)
      : cursor_(first), limit_(first + size), first_(first), first_limit_(first + size) {}
  ~Arena();
  Arena(const Arena&) = delete;
  Arena& operator=(const Arena&) = delete;

  // Never fails: the process ends when the system has no memory. Aligned to 16 bytes.
  [[nodiscard]] char* allocate(size_t bytes) {
    const size_t need = (bytes + kAlign - 1) & ~(kAlign - 1);
    if (static_cast<size_t>(limit_ - cursor_) < need) grow(need);
    char* result = cursor_;
    cursor_ += need;
    return result;
  }

  // A copy of `text` that lives until reset().
  [[nodiscard, gnu::always_inline]] std::string_view copy(std::string_view text) {
    if (text.empty()) return {};
    char* to = allocate(text.size());
    std::memcpy(to, text.data(), text.size());
    return {to, text.size()};
  }

  template <typename T>
  [[nodiscard]] T* make() {
    static_assert(std::is_trivially_destructible_v<T>);
    static_assert(alignof(T) <= 16);
    return new (allocate(sizeof(T))) T{};
  }

  // Gives back the last `bytes` of the newest allocation (a caller that asked for too much).
  void trim(char* end);

  void reset() {
    if (blocks_ != nullptr) return reset_blocks();
    cursor_ = first_;
  }
  // Frees the first block too; for objects that go back to a pool after an unusual peak.
  void release();
  [[nodiscard]] size_t held_bytes() const { return held_bytes_; }

 private:
  struct Block {
    Block* next;
    size_t size;
  };
  void grow(size_t bytes);
  void reset_blocks();

  static constexpr size_t kAlign = 16;
  static constexpr size_t kFirstBlock = 2048;
  char* cursor_ = nullptr;
  char* limit_ = nullptr;
  char* first_ = nullptr;
  char* first_limit_ = nullptr;
  Block* blocks_ = nullptr;
  size_t held_bytes_ = 0;
};

}  // namespace weir
