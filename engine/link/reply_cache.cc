#include "link/reply_cache.h"

#include <cstring>
#include <mutex>
#include <unordered_map>

#include "base/check.h"
#include "base/list.h"

namespace weir {

namespace {

// What an entry costs besides its texts: itself, its place in the table, the allocator's share.
constexpr uint64_t kOverhead = 256;
// Old entries that one call drops at most, so that no request pays for all of them.
constexpr int kExpiredPerCall = 16;

struct KeyHash {
  size_t operator()(const CacheKey& key) const {
    // The key is a digest: any part of it is as good as a hash.
    size_t hash = 0;
    std::memcpy(&hash, key.data(), sizeof hash);
    return hash;
  }
};

}  // namespace

class CachedReply {
 public:
  CacheKey key{};
  std::string origin, body;
  Millis stored = 0;
  uint32_t readers = 0;
  bool linked = false;  // findable
  ListNode use_node;    // most recently used first
  ListNode age_node;    // oldest first
  [[nodiscard]] uint64_t bytes() const { return kOverhead + origin.size() + body.size(); }
};

// Everything is under the mutex. What is to be freed is handed out and freed behind it.
struct ReplyCache::State {
  std::mutex mutex;
  CacheLimits limits;
  CacheCounters counters;
  std::unordered_map<CacheKey, CachedReply*, KeyHash> table;
  List<CachedReply, &CachedReply::use_node> by_use;
  List<CachedReply, &CachedReply::age_node> by_age;

  using Dropped = List<CachedReply, &CachedReply::use_node>;
  static void destroy(Dropped* dropped) {
    while (CachedReply* reply = dropped->pop_front()) delete reply;
  }

  // Nobody finds it any more; freed now or by its last reader.
  void unlink(CachedReply* reply, Dropped* dropped) {
    WEIR_DCHECK(reply->linked);
    table.erase(reply->key);
    reply->use_node.unlink();
    reply->age_node.unlink();
    reply->linked = false;
    --counters.entries;
    if (reply->readers == 0) forget(reply, dropped);
  }
  void forget(CachedReply* reply, Dropped* dropped) {
    WEIR_DCHECK(counters.bytes >= reply->bytes());
    counters.bytes -= reply->bytes();
    dropped->push_back(reply);
  }
  [[nodiscard]] bool is_old(const CachedReply* reply, Millis now) const {
    return now >= reply->stored + limits.max_age_ms;
  }
  void expire(Millis now, Dropped* dropped) {
    for (int i = 0; i < kExpiredPerCall; ++i) {
      CachedReply* oldest = by_age.front();
      if (oldest == nullptr || !is_old(oldest, now)) return;
      unlink(oldest, dropped);
      ++counters.expired;
    }
  }
  void make_room(uint64_t bytes, Dropped* dropped) {
    while (counters.bytes + bytes > limits.max_bytes && !by_use.empty()) {
      unlink(by_use.back(), dropped);
      ++counters.evicted;
    }
  }
};

ReplyCache::ReplyCache() : state_(std::make_unique<State>()) {}

ReplyCache::~ReplyCache() {
  State::Dropped dropped;
  while (CachedReply* reply = state_->by_use.front()) {
    WEIR_CHECK(reply->readers == 0);
    state_->unlink(reply, &dropped);
  }
  State::destroy(&dropped);
}

void ReplyCache::configure(const CacheLimits& limits, Millis now) {
  State::Dropped dropped;
  {
    const std::lock_guard lock(state_->mutex);
    state_->limits = limits;
    while (state_->by_age.front() != nullptr && state_->is_old(state_->by_age.front(), now)) {
      state_->expire(now, &dropped);
    }
    state_->make_room(0, &dropped);
  }
  State::destroy(&dropped);
}

const CachedReply* ReplyCache::find(const CacheKey& key, Millis now) {
  State::Dropped dropped;
  CachedReply* reply = nullptr;
  {
    const std::lock_guard lock(state_->mutex);
    state_->expire(now, &dropped);
    const auto found = state_->table.find(key);
    // More were old than one call drops.
    if (found != state_->table.end() && !state_->is_old(found->second, now)) {
      reply = found->second;
      ++reply->readers;
      reply->use_node.unlink();
      state_->by_use.push_front(reply);
    }
  }
  State::destroy(&dropped);
  return reply;
}

void ReplyCache::release(const CachedReply* reply) {
  State::Dropped dropped;
  {
    const std::lock_guard lock(state_->mutex);
    // The cache made it and hands it out as constant.
    auto* own = const_cast<CachedReply*>(reply);
    WEIR_CHECK(own->readers != 0);
    if (--own->readers == 0 && !own->linked) state_->forget(own, &dropped);
  }
  State::destroy(&dropped);
}

void ReplyCache::put(const CacheKey& key, std::string_view origin, std::span<const Slice> body,
                     Millis now) {
  size_t size = 0;
  for (const Slice& slice : body) size += slice.size;
  {
    const std::lock_guard lock(state_->mutex);
    const CacheLimits& limits = state_->limits;
    if (size > limits.max_entry_bytes || size + origin.size() + kOverhead > limits.max_bytes) {
      ++state_->counters.too_large;
      return;
    }
  }
  auto made = std::make_unique<CachedReply>();
  made->key = key;
  made->origin = origin;
  made->stored = now;
  made->body.reserve(size);
  for (const Slice& slice : body) made->body += slice.view();
  State::Dropped dropped;
  {
    const std::lock_guard lock(state_->mutex);
    state_->expire(now, &dropped);
    if (const auto found = state_->table.find(key); found != state_->table.end()) {
      state_->unlink(found->second, &dropped);
    }
    state_->make_room(made->bytes(), &dropped);
    // Replies that are being written still hold the room.
    if (state_->counters.bytes + made->bytes() <= state_->limits.max_bytes) {
      CachedReply* reply = made.release();
      reply->linked = true;
      state_->table.emplace(key, reply);
      state_->by_use.push_front(reply);
      state_->by_age.push_back(reply);
      state_->counters.bytes += reply->bytes();
      ++state_->counters.entries;
      ++state_->counters.stored;
    }
  }
  State::destroy(&dropped);
}

CacheCounters ReplyCache::counters() const {
  const std::lock_guard lock(state_->mutex);
  return state_->counters;
}

std::string_view cached_body(const CachedReply* reply) { return reply->body; }
std::string_view cached_origin(const CachedReply* reply) { return reply->origin; }

}  // namespace weir
