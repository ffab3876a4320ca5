// LimitRegistry: the buckets of the process by stable id, such as "tenant/default/request".
//
// Control thread only; the buckets themselves are used by workers meanwhile. A bucket is never
// freed before the registry, so pointers in snapshots need no count: an id that leaves the
// configuration keeps its bucket (a few cache lines) and its level, and one that comes back finds
// it again. Nobody can refill a limit by taking it out and putting it back.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>

#include "limit/bucket.h"

namespace weir {

class LimitRegistry {
 public:
  // `cores` is the number of workers, and so of core numbers.
  explicit LimitRegistry(uint32_t cores) : cores_(cores) {}

  // The bucket of that id: made full, or as it is, reconfigured if the spec differs.
  Bucket* get_or_create(std::string_view id, const BucketSpec& spec, Nanos now);
  // Null: there is none.
  [[nodiscard]] Bucket* find(std::string_view id) const;
  [[nodiscard]] size_t size() const { return buckets_.size(); }

 private:
  uint32_t cores_;
  std::unordered_map<std::string, std::unique_ptr<Bucket>> buckets_;
};

}  // namespace weir
