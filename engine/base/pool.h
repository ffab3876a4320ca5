// A free list of equal objects, per worker. take() constructs, give() destroys; memory goes back to
// the system only above `keep` free objects or with the pool. Freed memory is poisoned under ASan,
// so a late event that touches a recycled object is found at once. One thread.
#pragma once

#include <cstddef>
#include <cstdlib>
#include <new>
#include <utility>

#include "base/check.h"

#if defined(__SANITIZE_ADDRESS__)
#define WEIR_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define WEIR_ASAN 1
#endif
#endif
#ifdef WEIR_ASAN
#include <sanitizer/asan_interface.h>
#endif

namespace weir {

template <typename T>
class Pool {
 public:
  explicit Pool(size_t keep) : keep_(keep) {}
  ~Pool() {
    while (free_ != nullptr) std::free(pop());
  }
  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;

  template <typename... Args>
  [[nodiscard]] T* take(Args&&... args) {
    void* memory = free_ != nullptr ? pop() : std::aligned_alloc(alignof(T), kSize);
    WEIR_CHECK(memory != nullptr);
    ++in_use_;
    return new (memory) T(std::forward<Args>(args)...);
  }
  void give(T* object) {
    WEIR_DCHECK(in_use_ > 0);
    --in_use_;
    object->~T();
    if (free_count_ >= keep_) return std::free(object);
    Node* node = new (static_cast<void*>(object)) Node{free_};
    free_ = node;
    ++free_count_;
#ifdef WEIR_ASAN
    ASAN_POISON_MEMORY_REGION(object, kSize);
#endif
  }
  [[nodiscard]] size_t in_use() const { return in_use_; }

 private:
  struct Node {
    Node* next;
  };
  static_assert(sizeof(T) >= sizeof(Node));
  static constexpr size_t kSize = (sizeof(T) + alignof(T) - 1) / alignof(T) * alignof(T);

  void* pop() {
    Node* node = free_;
#ifdef WEIR_ASAN
    ASAN_UNPOISON_MEMORY_REGION(node, kSize);
#endif
    free_ = node->next;
    // The next one to be taken has lain there for a while.
    __builtin_prefetch(free_, 1);
    --free_count_;
    return node;
  }
  Node* free_ = nullptr;
  size_t free_count_ = 0;
  size_t in_use_ = 0;
  size_t keep_;
};

}  // namespace weir
