// LimitRegistry: the buckets of the process by stable id, such as "tenant/default/request".
//
// Control thread only; the buckets themselves are used by workers meanwhile. A bucket stays as long
// as a record holds it, and longer: one that nobody holds keeps its level, and is found again when
// its id comes back, so that nobody can refill a limit by taking it out and putting it back. Only
// when more than kMaxIdle are not held, those that were let go first are freed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>

#include "limit/bucket.h"

namespace weir {

class LimitRegistry {
 public:
  static constexpr size_t kMaxIdle = 4'096;

  // `cores` is the number of workers, and so of core numbers.
  explicit LimitRegistry(uint32_t cores) : cores_(cores) {}

  // The bucket of that id: made full, or as it is, reconfigured if the spec differs. For hold(),
  // let_go() is owed once; no worker may use the bucket after that.
  Bucket* get_or_create(std::string_view id, const BucketSpec& spec, Nanos now);
  Bucket* hold(std::string_view id, const BucketSpec& spec, Nanos now);
  void hold_again(const Bucket* bucket);  // somebody holds it already
  void let_go(const Bucket* bucket);
  // Null: there is none.
  [[nodiscard]] Bucket* find(std::string_view id) const;
  [[nodiscard]] const std::string& id_of(const Bucket* bucket) const { return ids_.at(bucket); }
  [[nodiscard]] size_t size() const { return buckets_.size(); }

 private:
  struct Entry {
    std::unique_ptr<Bucket> bucket;
    uint32_t holders = 0;
    uint64_t idle_since = 0;  // a number that counts up; 0: held, or never was
  };
  struct Idle {
    std::string id;
    uint64_t since = 0;  // stale when the entry says otherwise
  };
  Entry& entry_of(std::string_view id, const BucketSpec& spec, Nanos now);
  void idle_trim();

  uint32_t cores_;
  std::unordered_map<std::string, Entry> buckets_;
  std::unordered_map<const Bucket*, std::string> ids_;
  std::deque<Idle> idle_;  // let go first, first
  size_t idle_count_ = 0;
  uint64_t last_idle_ = 0;
};

}  // namespace weir
