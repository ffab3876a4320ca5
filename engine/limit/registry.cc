#include "limit/registry.h"

namespace weir {

Bucket* LimitRegistry::get_or_create(std::string_view id, const BucketSpec& spec, Nanos now) {
  std::unique_ptr<Bucket>& bucket = buckets_[std::string(id)];
  if (bucket == nullptr) {
    bucket = std::make_unique<Bucket>(cores_, spec, now);
  } else {
    bucket->reconfigure(spec, now);
  }
  return bucket.get();
}

Bucket* LimitRegistry::find(std::string_view id) const {
  const auto found = buckets_.find(std::string(id));
  return found == buckets_.end() ? nullptr : found->second.get();
}

}  // namespace weir
