// Ways in which threads hand things to each other (ring.h is another).
//
// LatestSlot: one pointer, the newest wins; a put returns the unread older one to its owner.
// MessageStack: any thread pushes, one thread takes everything at once, oldest first.
// Neither wakes anybody: the caller follows up with uv_async_send, which coalesces.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>

namespace weir {

template <typename T>
class LatestSlot {
 public:
  // Any thread. Returns what was there and not yet taken, or null.
  [[nodiscard]] T* put(T* value) {
    // acq_rel: release publishes *value to take(); acquire lets us free an unread older value.
    return slot_.exchange(value, std::memory_order_acq_rel);
  }
  // For a taker that hands back what it took. False: a newer value is there already.
  bool put_back(T* value) {
    T* empty = nullptr;
    return slot_.compare_exchange_strong(empty, value, std::memory_order_acq_rel,
                                         std::memory_order_relaxed);
  }
  [[nodiscard]] T* take() { return slot_.exchange(nullptr, std::memory_order_acq_rel); }

 private:
  std::atomic<T*> slot_{nullptr};
};

// The newest of something shared: any thread puts, and each taker sees with one load whether it has
// moved on since. The lock is held for a copy of the pointer.
template <typename T>
class SharedNewest {
 public:
  void put(std::shared_ptr<T> value) {
    const std::lock_guard lock(mutex_);
    value_.swap(value);
    // release pairs with the acquire in take_newer().
    version_.fetch_add(1, std::memory_order_release);
  }
  // False: nothing new since `seen`, and `value` stays.
  [[nodiscard]] bool take_newer(std::shared_ptr<T>* value, uint64_t* seen) {
    if (version_.load(std::memory_order_acquire) == *seen) return false;
    const std::lock_guard lock(mutex_);
    *value = value_;
    *seen = version_.load(std::memory_order_relaxed);  // under the lock
    return true;
  }

 private:
  std::atomic<uint64_t> version_{0};
  std::mutex mutex_;
  std::shared_ptr<T> value_;
};

// T has a member `T* next_message`.
template <typename T>
class MessageStack {
 public:
  void push(T* message) {
    T* head = head_.load(std::memory_order_relaxed);
    do {
      message->next_message = head;
      // release pairs with the acquire in take_all(): the message's fields are visible there.
    } while (!head_.compare_exchange_weak(head, message, std::memory_order_release,
                                          std::memory_order_relaxed));
  }
  // The whole content as a list linked by next_message, oldest first; null when empty.
  [[nodiscard]] T* take_all() {
    T* newest = head_.exchange(nullptr, std::memory_order_acquire);
    T* oldest = nullptr;
    while (newest != nullptr) {
      T* next = newest->next_message;
      newest->next_message = oldest;
      oldest = newest;
      newest = next;
    }
    return oldest;
  }

 private:
  std::atomic<T*> head_{nullptr};
};

// Frees what nobody will read any more.
template <typename T>
void messages_discard(MessageStack<T>& stack) {
  for (T* message = stack.take_all(); message != nullptr;) {
    T* next = message->next_message;
    delete message;
    message = next;
  }
}

}  // namespace weir
