// The token bucket itself, written over a Platform (atomics, how to wait) so that tests can put a
// scheduler under every atomic step. Everybody else uses Bucket of bucket.h.
//
// Tokens lie in the shared level or, leased, in one cache line per core. `core` names the line: at
// most one thread at a time uses one. Other threads (control) call only what takes no core. Time
// is monotonic nanoseconds, passed in; readings of different cores may differ a little.
//
// Invariants: 1. held = level + all leases, at every moment in which kBusy is clear. 2. A lease is
// raised from nothing, and a line closed, only by the holder of kBusy. 3. kOpen is clear only while
// every line is closed. 4. The level is below 0 only while every line is closed. 5. Lines are
// closed at each refill, so an open line belongs to the interval that runs. 6. What the cores spent
// since epoch_ changed, taken back in full, gives no more than capacity.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>

#include "base/check.h"
#include "base/clock.h"

namespace weir {

// `amount` tokens are added at the end of each `duration_ns`, counted from the creation of the
// bucket, never above `capacity`, with which it starts. Values outside are moved to the nearest
// that is allowed. Capacity 0 admits nothing but takes of 0; amount 0 never refills.
struct BucketSpec {
  static constexpr int64_t kMaxTokens = int64_t{1} << 58;
  static constexpr uint64_t kMaxDurationNs = uint64_t{1} << 60;

  int64_t amount = 0;
  int64_t capacity = 0;
  uint64_t duration_ns = 1'000'000'000;

  friend bool operator==(const BucketSpec&, const BucketSpec&) = default;
};

enum class Leases : uint8_t {
  kOff,  // one shared level for all cores: the plain form
  kOn,
};

template <typename Platform>
class BasicBucket {
 public:
  static constexpr Nanos kNever = std::numeric_limits<Nanos>::max();
  // Larger takes and settlements count as this; debt ends at -BucketSpec::kMaxTokens.
  static constexpr int64_t kMaxTake = int64_t{1} << 40;
  // A lease is for this many takes at most, and for this part of the level, over all cores.
  static constexpr int64_t kLeaseTakes = 256;
  static constexpr int64_t kLeasedPart = 4;
  // Shorter intervals are not worth a lease.
  static constexpr uint64_t kShortestLeaseNs = 1'000'000;

  BasicBucket(uint32_t cores, const BucketSpec& spec, Nanos now, Leases leases = Leases::kOn);
  BasicBucket(const BasicBucket&) = delete;
  BasicBucket& operator=(const BasicBucket&) = delete;

  // True: n tokens are taken. False: fewer than n were held by level and leases together. More
  // than the capacity is given by a full bucket only, which then is in debt. n >= 0.
  [[nodiscard]] bool take(uint32_t core, int64_t n, Nanos now) {
    WEIR_DCHECK(n >= 0);
    return take_leased(lines_[core], n, now) || take_shared(lines_[core], n, now, false);
  }
  // One look at what the core has for itself: true when it holds a lease of n.
  [[nodiscard]] bool has_lease(uint32_t core, int64_t n, Nanos now) const {
    const Line& line = lines_[core];
    return line.lease.load(Order::relaxed) >= n && now < line.until;
  }
  // After has_lease() of the same. True: n tokens are taken from the lease. False: others closed it
  // since.
  [[nodiscard]] bool take_held(uint32_t core, int64_t n) { return take_held(lines_[core], n); }
  // One look, nothing taken: true when take() would refuse, as far as one look can tell.
  [[nodiscard]] bool would_refuse(uint32_t core, int64_t n, Nanos now) const;
  // Gives back what was taken and not used; above capacity it is lost.
  void give_back(uint32_t core, int64_t n, Nanos now) {
    if (!give_back_held(core, n)) give_back_shared(lines_[core], n, now);
  }
  // The same, if a lease of the core can take it. False: nothing is given back.
  [[nodiscard]] bool give_back_held(uint32_t core, int64_t n) {
    WEIR_DCHECK(n >= 0);
    return give_back_held(lines_[core], n);
  }
  // Of `reserved` tokens `actual` were used: the rest goes back, or more is taken, as debt if need
  // be.
  void settle(uint32_t core, int64_t reserved, int64_t actual, Nanos now) {
    if (actual <= reserved) {
      if (actual < reserved) give_back(core, reserved - actual, now);
    } else if (const int64_t more = actual - reserved; !take_leased(lines_[core], more, now)) {
      static_cast<void>(take_shared(lines_[core], more, now, true));
    }
  }

  // Any thread. All that is held, exactly; calls the leases back if there are any.
  [[nodiscard]] int64_t level(Nanos now);
  // The same, cheaply: writes nothing, and may be above the level by what the other cores took
  // from their present leases.
  [[nodiscard]] int64_t level_hint(uint32_t core, Nanos now) const {
    const Line& line = lines_[core];
    const int64_t word = word_.load(Order::acquire);
    int64_t held = level_of(word);
    if ((word & kOpen) != 0) {
      held += leased_.load(Order::relaxed);
      // Of its own lease the core knows what is left.
      if (const int64_t own = line.lease.load(Order::relaxed); own >= 0) held += own - line.counted;
    }
    const int64_t level = std::min(held, capacity());
    return now < end_.load(Order::acquire) ? level : refilled(level, now);
  }
  // Any thread. How long until the interval ends.
  [[nodiscard]] Nanos next_refill_ns(Nanos now) const;
  // Any thread. How long until n tokens would be given, if nobody else took any, from a level as
  // told by level() or level_hint(); kNever if they never would.
  [[nodiscard]] Nanos fit_ns(int64_t level, int64_t n, Nanos now) const;
  [[nodiscard]] int64_t capacity() const { return capacity_.load(Order::relaxed); }

  // One thread at a time, any, while the others go on. Keeps min(level, new capacity) after
  // refilling by the old spec; intervals are counted from now on if their duration changes.
  void reconfigure(const BucketSpec& spec, Nanos now);
  // The thread that calls reconfigure().
  [[nodiscard]] BucketSpec spec() const;

 private:
  // Tests look at what each core keeps for itself.
  template <typename Bucket>
  friend struct BucketPeek;
  using Order = typename Platform::Order;
  template <typename T>
  using Atomic = typename Platform::template Atomic<T>;

  // level * kUnit + flags, so that one step sees all three.
  static constexpr int64_t kBusy = 1;  // somebody moves tokens between the level and lines
  static constexpr int64_t kOpen = 2;  // a line may hold a lease
  static constexpr int64_t kUnit = 4;
  // As a lease; so is every number below 0.
  static constexpr int64_t kClosed = -(int64_t{1} << 62);
  static constexpr size_t kLineBytes = 64;

  // `lease`, `inside` and `closing` are shared; the rest is the core's own, but that others look at
  // `light` while they hold kBusy.
  //
  // Others only close a lease. So that none of its core's changes is lost then, each is one locked
  // step; or, while the line is light, plain stores between inside = 1 and inside = 0, made only if
  // closing is 0 in between. Who closes a light line sets closing, lets heavy_fence() put a full
  // fence into every thread, and waits for inside to be 0: a change that began before the fence is
  // seen to run, one that begins behind it sees closing. The fence costs microseconds, so only a
  // line that its core used often since it was last closed is light.
  struct alignas(kLineBytes) Line {
    Atomic<int64_t> lease{kClosed};
    Atomic<uint32_t> inside{0};
    Atomic<uint32_t> closing{0};
    Nanos until = 0;        // end of the interval in which the lease was given
    // granted - lease, never below 0, is what the core took and did not give back while the line
    // was open; `spent` is the same from before, since `epoch` began. What a line had lost when
    // others closed it is left out: less than was spent is safe (invariant 6).
    int64_t granted = 0;
    int64_t spent = 0;
    uint64_t epoch = 0;
    int64_t counted = 0;    // this line's part of leased_
    uint32_t takes = 0;     // by locked steps, since others closed the line
    bool light = false;     // changed by open_line() alone
  };

  static constexpr int64_t level_of(int64_t word) { return word >> 2; }
  // A closed line stays below 0 whatever is added to it here: its core may learn by the result that
  // the line was closed. Nobody reads anything else by a lease: relaxed.
  [[nodiscard]] static bool take_leased(Line& line, int64_t n, Nanos now) {
    return now < line.until && take_held(line, n);
  }
  [[nodiscard]] static bool take_held(Line& line, int64_t n) {
    if (line.light) return change_light(line, n, -n);
    if (line.lease.load(Order::relaxed) < n) return false;
    ++line.takes;
    return line.lease.fetch_sub(n, Order::relaxed) >= 0;
  }
  // Adds to the lease if it is `least` at least. False: nothing was done.
  [[nodiscard]] static bool change_light(Line& line, int64_t least, int64_t more) {
    line.inside.store(1, Order::relaxed);
    Platform::light_fence();
    // acquire pairs with the release in close_lines(): who sees it over also sees the lease closed.
    bool done = line.closing.load(Order::acquire) == 0;
    if (done) {
      const int64_t lease = line.lease.load(Order::relaxed);
      done = lease >= least;
      if (done) line.lease.store(lease + more, Order::relaxed);
    }
    line.inside.store(0, Order::release);
    return done;
  }
  [[nodiscard]] static bool give_back_held(Line& line, int64_t n) {
    const int64_t lease = line.lease.load(Order::relaxed);
    if (lease < 0) return false;
    if (n > line.granted - lease) [[unlikely]] {
      const int64_t more = n - (line.granted - lease);
      if (more > line.spent) return false;
      line.spent -= more;
      line.granted += more;
    }
    if (line.light) return change_light(line, 0, n);
    return line.lease.fetch_add(n, Order::relaxed) >= 0;
  }
  [[nodiscard]] bool swap_word(int64_t& from, int64_t to) {
    return word_.compare_exchange_strong(from, to, Order::acq_rel, Order::acquire);
  }
  // To be given by a full bucket only.
  [[nodiscard]] bool oversized(int64_t n) const {
    const int64_t full = capacity();
    return n > full && full > 0;
  }
  bool take_shared(Line& line, int64_t n, Nanos now, bool force);
  bool take_busy(Line& line, int64_t n, bool force);
  void give_back_shared(Line& line, int64_t n, Nanos now);
  void note_spent(Line& line, uint64_t epoch, int64_t n);
  [[nodiscard]] int64_t lease_for(int64_t left, int64_t n) const;
  void open_line(Line& line, int64_t n);
  [[nodiscard]] static int64_t settle_line(Line& line);
  [[nodiscard]] bool try_busy();
  void await_busy();
  void end_busy() {
    // release pairs with the acquire in try_busy() and take_shared().
    word_.fetch_sub(kBusy, Order::release);
  }
  // `own`: of the core that calls, if one does; it changes nothing meanwhile.
  void close_lines(const Line* own);
  void refill(const Line* own, Nanos now);
  void set_level_at_most(int64_t most);
  void adopt(const BucketSpec& spec);
  [[nodiscard]] int64_t refilled(int64_t level, Nanos now) const;

  // Written once in an interval: cores keep copies.
  std::unique_ptr<Line[]> lines_;
  const uint32_t cores_;
  const bool leases_;
  Atomic<uint64_t> end_;          // of the interval that runs; changed by the holder of kBusy
  Atomic<uint64_t> epoch_{1};     // changes when the cores' `spent` no longer counts
  Atomic<int64_t> amount_{0};
  Atomic<int64_t> capacity_{0};
  Atomic<uint64_t> duration_ns_{1};
  // Written by every take that no lease serves.
  alignas(kLineBytes) Atomic<int64_t> word_{0};
  Atomic<int64_t> leased_{0};     // sum of Line::counted of the open lines
};

}  // namespace weir

#include "limit/bucket_shared.h"  // IWYU pragma: keep
