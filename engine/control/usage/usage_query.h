// Questions to the usage store: sums by time bucket and by group, a page at a time.
//
// A minute or hour counts for the range in which it begins, so that ranges that follow each other
// count nothing twice. The caller flushes the store first, or what still waits is not in the
// answer. Control thread; blocks for the length of one SQLite query.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "control/usage/usage_store.h"

namespace weir {

// A name by which results can be grouped, as it stands in the query and in the reply.
struct UsageGroup {
  std::string_view name;
  std::string_view column;
};
// Null: no such group.
[[nodiscard]] const UsageGroup* usage_group_named(std::string_view name);

struct UsageQuery {
  std::string tenant;  // empty: all
  std::string key_id;  // empty: all
  int64_t start_s = 0;  // of the first bucket or later
  int64_t end_s = 0;    // not included
  int64_t width_s = 86'400;
  uint32_t limit = 10;  // buckets
  std::vector<const UsageGroup*> groups;
  std::vector<std::string> types;  // empty: all
};

struct UsageResult {
  std::vector<std::string> names;  // of the groups, in their order
  std::string key_name;
  UsageSums sums;
  std::array<int64_t, 4> tokens{};  // by UsageSource
};

struct UsageBucket {
  int64_t start_s = 0;
  std::vector<UsageResult> results;  // one without groups; none when nothing was used
};

struct UsagePage {
  static constexpr size_t kMaxResults = 5'000;  // then the page ends before its limit
  std::vector<UsageBucket> buckets;
  std::optional<int64_t> next_s;  // where the next page starts
  bool too_many = false;          // one bucket alone has more than kMaxResults
};

[[nodiscard]] Sqlited<UsagePage> usage_query(UsageStore& store, const UsageQuery& query);

}  // namespace weir
