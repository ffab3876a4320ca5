#include "limit/registry.h"

#include "base/check.h"

namespace weir {

LimitRegistry::Entry& LimitRegistry::entry_of(std::string_view id, const BucketSpec& spec,
                                              Nanos now) {
  const auto [at, is_new] = buckets_.try_emplace(std::string(id));
  Entry& entry = at->second;
  if (is_new) {
    entry.bucket = std::make_unique<Bucket>(cores_, spec, now);
    ids_.emplace(entry.bucket.get(), at->first);
  } else {
    entry.bucket->reconfigure(spec, now);
  }
  return entry;
}

Bucket* LimitRegistry::get_or_create(std::string_view id, const BucketSpec& spec, Nanos now) {
  return entry_of(id, spec, now).bucket.get();
}

Bucket* LimitRegistry::hold(std::string_view id, const BucketSpec& spec, Nanos now) {
  Entry& entry = entry_of(id, spec, now);
  if (entry.holders++ == 0 && entry.idle_since != 0) {
    entry.idle_since = 0;
    --idle_count_;
  }
  return entry.bucket.get();
}

void LimitRegistry::hold_again(const Bucket* bucket) {
  Entry& entry = buckets_.at(ids_.at(bucket));
  WEIR_CHECK(entry.holders > 0);
  ++entry.holders;
}

void LimitRegistry::let_go(const Bucket* bucket) {
  const std::string& id = ids_.at(bucket);
  Entry& entry = buckets_.at(id);
  WEIR_CHECK(entry.holders > 0);
  if (--entry.holders != 0) return;
  entry.idle_since = ++last_idle_;
  idle_.push_back({id, entry.idle_since});
  ++idle_count_;
  idle_trim();
}

// Also takes what came back out of the queue, so that it is no longer than twice what is idle.
void LimitRegistry::idle_trim() {
  const auto stale = [this](const Idle& idle) {
    const auto found = buckets_.find(idle.id);
    return found == buckets_.end() || found->second.idle_since != idle.since;
  };
  if (idle_.size() > 2 * idle_count_ + kMaxIdle) std::erase_if(idle_, stale);
  while (idle_count_ > kMaxIdle) {
    const Idle idle = std::move(idle_.front());
    idle_.pop_front();
    if (stale(idle)) continue;
    ids_.erase(buckets_.at(idle.id).bucket.get());
    buckets_.erase(idle.id);
    --idle_count_;
  }
}

Bucket* LimitRegistry::find(std::string_view id) const {
  const auto found = buckets_.find(std::string(id));
  return found == buckets_.end() ? nullptr : found->second.bucket.get();
}

}  // namespace weir
