// Whole replies that requests asked to be kept (`cache.enabled`), found again by an exact key.
//
// One for the process, because the same request usually comes back over another connection and so
// to another worker. It is the one place where a worker may wait for another: a mutex, held for a
// look-up or for linking an entry in, never while bytes are copied or freed. Requests that do not
// ask for the cache do not come near it. Any thread.
// Invariants: 1. bytes() <= max_bytes, but for entries that are being written to clients just now.
// 2. An entry is never changed; it is freed when it was taken out and its last reader let it go.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include <weir/types.h>

#include "base/clock.h"

namespace weir {

using CacheKey = std::array<uint8_t, 32>;  // SHA-256 over everything that an answer depends on

struct CacheLimits {
  uint64_t max_bytes = 64ull << 20;  // 0: nothing is kept
  uint64_t max_entry_bytes = 1ull << 20;
  uint64_t max_age_ms = 3'600'000;
};

struct CacheCounters {
  uint64_t bytes = 0, entries = 0;
  uint64_t stored = 0, evicted = 0, expired = 0, too_large = 0;
};

class CachedReply;

class ReplyCache {
 public:
  ReplyCache();
  ~ReplyCache();
  ReplyCache(const ReplyCache&) = delete;
  ReplyCache& operator=(const ReplyCache&) = delete;

  // Takes effect at once: what is too much is dropped.
  void configure(const CacheLimits& limits, Millis now);

  // Null: there is none, or it is too old. The caller gives it back with release().
  [[nodiscard]] const CachedReply* find(const CacheKey& key, Millis now);
  void release(const CachedReply* reply);
  // Keeps a copy; an older reply of that key goes. `origin` says who made the reply.
  void put(const CacheKey& key, std::string_view origin, std::span<const Slice> body, Millis now);

  [[nodiscard]] CacheCounters counters() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// Borrowed from the cache until release().
[[nodiscard]] std::string_view cached_body(const CachedReply* reply);
[[nodiscard]] std::string_view cached_origin(const CachedReply* reply);

}  // namespace weir
