// The slow half of bucket_core.h: everything that touches the shared level. Included by it alone.
//
// The word's kBusy is held by who moves tokens between level and lines: giving a lease, calling
// leases back, refilling. A take that the level alone can serve does not wait for the holder, and
// a refusal while no line is open is one look at the word. Any thread, as the callers say.
#pragma once

#include <algorithm>

#include "limit/bucket_core.h"

namespace weir {

template <typename Platform>
BasicBucket<Platform>::BasicBucket(uint32_t cores, const BucketSpec& spec, Nanos now,
                                   Leases leases)
    : lines_(std::make_unique<Line[]>(cores)),
      cores_(cores),
      leases_(leases == Leases::kOn),
      end_(0) {
  WEIR_CHECK(cores > 0);
  adopt(spec);
  end_.store(now + duration_ns_.load(Order::relaxed), Order::relaxed);
  word_.store(capacity() * kUnit, Order::release);
}

template <typename Platform>
bool BasicBucket<Platform>::take_shared(Line& line, int64_t n, Nanos now, bool force) {
  n = std::clamp<int64_t>(n, 0, kMaxTake);
  for (uint32_t round = 0;; ++round) {
    // acquire: a refill writes the word, then epoch_, then end_.
    if (now < end_.load(Order::acquire)) {
      int64_t word = word_.load(Order::acquire);
      const int64_t left = level_of(word) - n;
      if (left >= 0 && ((word & kBusy) != 0 || lease_for(left, n) == 0)) {
        const uint64_t epoch = epoch_.load(Order::acquire);
        if (!swap_word(word, word - n * kUnit)) continue;
        note_spent(line, epoch, n);
        return true;
      }
      // No line is open: the level is all there is, even if somebody is about to change it.
      if (left < 0 && !force && (word & kOpen) == 0 && !oversized(n)) return false;
    }
    if (try_busy()) break;
    Platform::wait(round);
  }
  refill(&line, now);
  const bool taken = take_busy(line, n, force);
  end_busy();
  return taken;
}

// Holding kBusy; others still take from the level.
template <typename Platform>
bool BasicBucket<Platform>::take_busy(Line& line, int64_t n, bool force) {
  int64_t word = word_.load(Order::acquire);
  for (;;) {
    const int64_t level = level_of(word);
    if (level < n && (word & kOpen) != 0) {
      close_lines(&line);
      word = word_.load(Order::acquire);
      continue;
    }
    // With level < n the lines are closed here, so that level >= capacity means full.
    const bool given = level >= n || force || (oversized(n) && level >= capacity());
    if (!given) return false;
    const int64_t left = std::max(level - n, -BucketSpec::kMaxTokens);
    if (swap_word(word, word + (left - level) * kUnit)) break;
  }
  note_spent(line, epoch_.load(Order::relaxed), n);
  open_line(line, n);
  return true;
}

template <typename Platform>
void BasicBucket<Platform>::give_back_shared(Line& line, int64_t n, Nanos now) {
  n = std::clamp<int64_t>(n, 0, kMaxTake);
  await_busy();
  refill(&line, now);
  static_cast<void>(settle_line(line));
  const uint64_t epoch = epoch_.load(Order::relaxed);
  if (line.epoch == epoch && n <= line.spent) {
    word_.fetch_add(n * kUnit, Order::acq_rel);
    line.spent -= n;
  } else {
    close_lines(&line);
    int64_t word = word_.load(Order::acquire);
    for (;;) {
      const int64_t level = level_of(word);
      const int64_t most = std::max(level, std::min(level + n, capacity()));
      if (swap_word(word, word + (most - level) * kUnit)) break;
    }
    // It may have made up for what others spent: they must not give that back again unlooked.
    epoch_.store(epoch + 1, Order::release);
  }
  end_busy();
}

template <typename Platform>
void BasicBucket<Platform>::note_spent(Line& line, uint64_t epoch, int64_t n) {
  if (line.epoch != epoch) {
    line.epoch = epoch;
    line.spent = 0;
  }
  line.spent += n;
}

// How much to lease to a core that takes n at a time when `left` remain; 0 when it would not pay.
template <typename Platform>
int64_t BasicBucket<Platform>::lease_for(int64_t left, int64_t n) const {
  if (!leases_ || duration_ns_.load(Order::relaxed) < kShortestLeaseNs) return 0;
  const int64_t one = std::max<int64_t>(n, 1);
  const int64_t lease = std::min(left / (kLeasedPart * cores_), one * kLeaseTakes);
  return lease >= 2 * one ? lease : 0;
}

// Holding kBusy, after a take of n.
template <typename Platform>
void BasicBucket<Platform>::open_line(Line& line, int64_t n) {
  int64_t word = word_.load(Order::acquire);
  int64_t lease = 0;
  do {
    lease = lease_for(level_of(word), n);
    if (lease == 0) return;
  } while (!swap_word(word, (word - lease * kUnit) | kOpen));
  const bool others_closed = line.lease.load(Order::relaxed) < 0;
  const int64_t rest = settle_line(line);
  line.granted = rest + lease;
  const int64_t others = leased_.load(Order::relaxed) - line.counted;
  line.counted = line.granted;
  leased_.store(others + line.counted, Order::relaxed);
  line.until = end_.load(Order::relaxed);
  if (others_closed || !line.light) {
    line.light = Platform::has_heavy_fence() && line.takes >= Platform::kHotTakes;
  }
  if (others_closed) line.takes = 0;
  line.lease.store(line.granted, Order::release);
}

// Holding kBusy, so that nobody closes the line: notes what its lease lost, and returns the rest.
template <typename Platform>
int64_t BasicBucket<Platform>::settle_line(Line& line) {
  const int64_t rest = line.lease.load(Order::relaxed);
  if (rest < 0) {
    line.counted = 0;
    return 0;
  }
  line.spent += line.granted - rest;
  line.granted = rest;
  return rest;
}

template <typename Platform>
bool BasicBucket<Platform>::try_busy() {
  int64_t word = word_.load(Order::relaxed);
  // acquire (in swap_word) pairs with end_busy(): we see all that the last holder did.
  while ((word & kBusy) == 0) {
    if (swap_word(word, word | kBusy)) return true;
  }
  return false;
}

template <typename Platform>
void BasicBucket<Platform>::await_busy() {
  for (uint32_t round = 0; !try_busy(); ++round) Platform::wait(round);
}

// Holding kBusy. Afterwards the level is all there is, until end_busy().
template <typename Platform>
void BasicBucket<Platform>::close_lines(const Line* own) {
  if ((word_.load(Order::relaxed) & kOpen) == 0) return;
  const auto must_wait = [own](const Line& line) {
    return line.light && &line != own && line.lease.load(Order::relaxed) >= 0;
  };
  bool fence = false;
  for (uint32_t core = 0; core < cores_; ++core) {
    if (!must_wait(lines_[core])) continue;
    lines_[core].closing.store(1, Order::relaxed);
    fence = true;
  }
  if (fence) Platform::heavy_fence();
  int64_t sum = 0;
  for (uint32_t core = 0; core < cores_; ++core) {
    Line& line = lines_[core];
    if (line.lease.load(Order::relaxed) < 0) continue;
    const bool waited = must_wait(line);
    // acquire pairs with the release in change_light(): the lease is what the last change left.
    for (uint32_t round = 0; waited && line.inside.load(Order::acquire) != 0; ++round) {
      Platform::wait(round);
    }
    sum += line.lease.exchange(kClosed, Order::acq_rel);
    if (waited) line.closing.store(0, Order::release);
  }
  leased_.store(0, Order::relaxed);
  word_.fetch_add(sum * kUnit - kOpen, Order::acq_rel);
}

// Holding kBusy.
template <typename Platform>
void BasicBucket<Platform>::refill(const Line* own, Nanos now) {
  const uint64_t end = end_.load(Order::relaxed);
  if (now < end) return;
  close_lines(own);
  int64_t word = word_.load(Order::acquire);
  int64_t level = 0;
  do {
    level = level_of(word);
  } while (!swap_word(word, word + (refilled(level, now) - level) * kUnit));
  const uint64_t duration = duration_ns_.load(Order::relaxed);
  // release, in this order: who sees the new end also sees the new level.
  epoch_.store(epoch_.load(Order::relaxed) + 1, Order::release);
  end_.store(end + ((now - end) / duration + 1) * duration, Order::release);
}

// What `level` is after the refills that are due.
template <typename Platform>
int64_t BasicBucket<Platform>::refilled(int64_t level, Nanos now) const {
  const uint64_t end = end_.load(Order::acquire);
  if (now < end) return level;
  const int64_t amount = amount_.load(Order::relaxed);
  const int64_t room = capacity() - level;
  if (amount == 0 || room <= 0) return level;
  const uint64_t steps = (now - end) / duration_ns_.load(Order::relaxed) + 1;
  const int64_t wanted = (room + amount - 1) / amount;
  return steps >= static_cast<uint64_t>(wanted) ? capacity()
                                                : level + static_cast<int64_t>(steps) * amount;
}

template <typename Platform>
bool BasicBucket<Platform>::would_refuse(uint32_t core, int64_t n, Nanos now) const {
  if (has_lease(core, n, now)) return false;
  if (now >= end_.load(Order::acquire)) return false;
  const int64_t word = word_.load(Order::acquire);
  return (word & kOpen) == 0 && level_of(word) < n && !oversized(n);
}

template <typename Platform>
int64_t BasicBucket<Platform>::level(Nanos now) {
  if (now < end_.load(Order::acquire)) {
    const int64_t word = word_.load(Order::acquire);
    if ((word & kOpen) == 0) return level_of(word);
  }
  await_busy();
  refill(nullptr, now);
  close_lines(nullptr);
  const int64_t level = level_of(word_.load(Order::acquire));
  end_busy();
  return level;
}

template <typename Platform>
Nanos BasicBucket<Platform>::next_refill_ns(Nanos now) const {
  const uint64_t end = end_.load(Order::acquire);
  if (now < end) return end - now;
  const uint64_t duration = duration_ns_.load(Order::relaxed);
  return duration - (now - end) % duration;
}

template <typename Platform>
Nanos BasicBucket<Platform>::fit_ns(int64_t level, int64_t n, Nanos now) const {
  const int64_t amount = amount_.load(Order::relaxed);
  const int64_t missing = std::min(n, capacity()) - level;
  if (capacity() == 0 && n > 0) return kNever;
  if (missing <= 0) return 0;
  if (amount == 0) return kNever;
  const Nanos first = next_refill_ns(now);
  if (missing <= amount) return first;
  const auto more = static_cast<uint64_t>((missing - 1) / amount);
  const uint64_t duration = duration_ns_.load(Order::relaxed);
  return more > (kNever - first) / duration ? kNever : first + more * duration;
}

template <typename Platform>
void BasicBucket<Platform>::reconfigure(const BucketSpec& spec, Nanos now) {
  const BucketSpec old = this->spec();
  if (old == spec) return;
  await_busy();
  refill(nullptr, now);
  close_lines(nullptr);
  adopt(spec);
  set_level_at_most(capacity());
  epoch_.store(epoch_.load(Order::relaxed) + 1, Order::release);
  const uint64_t duration = duration_ns_.load(Order::relaxed);
  if (duration != old.duration_ns) end_.store(now + duration, Order::release);
  end_busy();
}

template <typename Platform>
void BasicBucket<Platform>::set_level_at_most(int64_t most) {
  int64_t word = word_.load(Order::acquire);
  int64_t level = 0;
  do {
    level = level_of(word);
  } while (!swap_word(word, word + (std::min(level, most) - level) * kUnit));
}

template <typename Platform>
void BasicBucket<Platform>::adopt(const BucketSpec& spec) {
  const auto tokens = [](int64_t n) { return std::clamp<int64_t>(n, 0, BucketSpec::kMaxTokens); };
  amount_.store(tokens(spec.amount), Order::relaxed);
  capacity_.store(tokens(spec.capacity), Order::relaxed);
  duration_ns_.store(std::clamp<uint64_t>(spec.duration_ns, 1, BucketSpec::kMaxDurationNs),
                     Order::relaxed);
}

template <typename Platform>
BucketSpec BasicBucket<Platform>::spec() const {
  return {amount_.load(Order::relaxed), capacity(), duration_ns_.load(Order::relaxed)};
}

}  // namespace weir
