// Runs a few threads, as fibers of one, in every order that their atomic steps can have.
//
// The code under test takes its atomics from ModelPlatform: each access is one step, and between
// two steps any other thread may run. Orders that lead to a state that was seen are not followed
// twice: a state is all shared values, and all that each thread has read so far. Memory is
// sequentially consistent, or, if asked for, as on x86: a thread's plain stores wait in a buffer of
// its own, in which it alone sees them, until they leave it one by one, at any moment; changes in
// one step (exchange, add) and heavy_fence() wait for none to be left. What still weaker orders do
// is left to the thread sanitizer.
#pragma once

#include <ucontext.h>

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <unordered_set>
#include <utility>
#include <vector>

namespace weir::model {

constexpr uint64_t mixed(uint64_t hash, uint64_t value) {
  hash = (hash ^ value) * 0x9e3779b97f4a7c15ull;
  return hash ^ (hash >> 29);
}

class Explorer {
 public:
  struct Run {
    // What the threads do; all of it is made anew for each run.
    std::vector<std::function<void()>> threads;
    // Further state of the run that future checks depend on (who finished before whom).
    std::function<uint64_t()> note;
    // Called when all threads are done.
    std::function<void()> check;
  };

  // Runs what `make` makes in all orders. False: some threads wait for each other forever, or
  // there are more than `most` states.
  bool explore(const std::function<Run()>& make, size_t most);
  void set_store_buffers(bool on) { buffered_ = on; }
  [[nodiscard]] size_t states() const { return seen_.size(); }
  [[nodiscard]] size_t runs() const { return runs_; }

  static Explorer* current() { return current_; }
  // From the threads: before an access, after it with what was read, and before waiting.
  void step();
  void read(uint64_t value);
  void wrote();
  // All that the running thread knows from here on is in shared values and in `result`.
  void forget(uint64_t result);
  void wait();
  // What the running thread does together with its next step.
  void at_next_step(std::function<void()> what) { fibers_[running_].with_step = std::move(what); }
  // A plain store of the running thread. False: it is not delayed, and to be done at once.
  bool delay_store(uint64_t* to, uint64_t value);
  // What the running thread itself stored there and nobody else sees yet; null: nothing.
  [[nodiscard]] const uint64_t* own_store(const uint64_t* at) const;
  // All stores of the running thread, or of all threads, are seen from here on.
  void publish_own() {
    if (running_ != kNone) publish(fibers_[running_]);
  }
  void publish_all() {
    for (Fiber& fiber : fibers_) publish(fiber);
  }
  // That, if there was no step.
  void at_no_step() {
    Fiber& fiber = fibers_[running_];
    if (fiber.with_step) std::exchange(fiber.with_step, nullptr)();
  }
  // Adds a shared value to the state; returns its number, which is the same in each run.
  size_t share(const uint64_t* value) {
    shared_.push_back(value);
    if (written_.size() < shared_.size()) written_.push_back(false);
    return shared_.size() - 1;
  }
  // Reads of what no thread ever writes are no steps: they come out the same in every order.
  [[nodiscard]] bool written(size_t number) const { return written_[number]; }
  void note_written(size_t number) {
    if (running_ == kNone || written_[number]) return;
    written_[number] = true;
    stale_ = true;
  }

 private:
  static constexpr size_t kStackBytes = 256 * 1024;
  struct Store {
    uint64_t* to;
    uint64_t value;
  };
  struct Fiber {
    ucontext_t context;
    std::vector<Store> stores;  // oldest first
    std::unique_ptr<char[]> stack;
    std::function<void()> body, with_step;
    uint64_t history = 0, ends = 0;
    bool done = false, waiting = false;
  };
  struct Node {
    std::vector<size_t> choices;
    size_t next = 0;
  };

  static void enter();
  void start(Run& run);
  bool play(Run& run);
  // The index of a thread, or behind those the one whose oldest store is to be seen.
  void resume(size_t index);
  void publish(Fiber& fiber) {
    while (!fiber.stores.empty()) publish_one(fiber);
  }
  void publish_one(Fiber& fiber);
  [[nodiscard]] std::vector<size_t> ready() const;
  [[nodiscard]] uint64_t state(const Run& run) const;

  static inline Explorer* current_ = nullptr;
  ucontext_t main_;
  std::vector<Fiber> fibers_;
  static constexpr size_t kNone = SIZE_MAX;
  size_t running_ = kNone;
  bool starting_ = false, buffered_ = false;
  std::vector<const uint64_t*> shared_;
  std::vector<bool> written_;
  bool stale_ = false;  // something is written that was not known to be: begin again
  std::vector<Node> path_;
  std::unordered_set<uint64_t> seen_;
  size_t runs_ = 0;
};

// As std::atomic, as far as buckets use it.
template <typename T>
class Atomic {
 public:
  using Order = std::memory_order;

  Atomic(T value) : bits_(static_cast<uint64_t>(value)) {
    if (Explorer::current() != nullptr) number_ = Explorer::current()->share(&bits_);
  }
  Atomic(const Atomic&) = delete;

  T load(Order) const {
    Explorer* explorer = Explorer::current();
    if (explorer != nullptr) {
      if (const uint64_t* own = explorer->own_store(&bits_)) {
        explorer->read(*own);
        return static_cast<T>(*own);
      }
      if (explorer->written(number_)) explorer->step();
    }
    return told();
  }
  void store(T value, Order) {
    Explorer* explorer = Explorer::current();
    if (explorer != nullptr) {
      explorer->note_written(number_);
      if (explorer->delay_store(&bits_, static_cast<uint64_t>(value))) return;
    }
    change([value](T) { return value; });
  }
  T exchange(T value, Order) {
    return change([value](T) { return value; });
  }
  T fetch_add(T value, Order) {
    return change([value](T old) { return old + value; });
  }
  T fetch_sub(T value, Order) {
    return change([value](T old) { return old - value; });
  }
  bool compare_exchange_strong(T& expected, T wanted, Order, Order) {
    const T old = change([&](T now) { return now == expected ? wanted : now; });
    if (old == expected) return true;
    expected = old;
    return false;
  }

 private:
  // Every access leaves a trace in the thread's history, so that it tells where the thread is.
  T told() const {
    if (Explorer::current() != nullptr) Explorer::current()->read(bits_);
    return static_cast<T>(bits_);
  }
  template <typename Change>
  T change(const Change& what) {
    Explorer* explorer = Explorer::current();
    if (explorer == nullptr) {
      const T old = told();
      bits_ = static_cast<uint64_t>(what(old));
      return old;
    }
    explorer->note_written(number_);
    explorer->step();
    explorer->publish_own();
    const T old = told();
    const auto bits = static_cast<uint64_t>(what(old));
    if (bits != bits_) explorer->wrote();
    bits_ = bits;
    return old;
  }

  uint64_t bits_;
  size_t number_ = 0;
};

struct ModelPlatform {
  using Order = std::memory_order;
  template <typename T>
  using Atomic = model::Atomic<T>;
  static void wait(uint32_t) { Explorer::current()->wait(); }
  static constexpr uint32_t kHotTakes = UINT32_MAX;
  static bool has_heavy_fence() { return false; }
  static void light_fence() {}
  static void heavy_fence() {}
};

// Every lease is one that its core changes without locked steps.
struct LightModelPlatform : ModelPlatform {
  static constexpr uint32_t kHotTakes = 0;
  static bool has_heavy_fence() { return true; }
  static void heavy_fence() {
    if (Explorer* explorer = Explorer::current(); explorer != nullptr) {
      explorer->step();
      explorer->publish_all();
    }
  }
};

// The same without the fence, to show that it is missed.
struct BrokenModelPlatform : LightModelPlatform {
  static void heavy_fence() {}
};

}  // namespace weir::model
