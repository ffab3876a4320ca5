#include "control/usage/usage_query.h"

#include <algorithm>

#include "base/check.h"

namespace weir {

namespace {

constexpr UsageGroup kGroups[] = {
    {"model", "model"},
    {"user_uuid", "key_id"},
    {"service_provider", "provider"},
    {"usage_type", "usage_type"},
    {"load_balancer_alias", "alias"},
    {"key", "key_id"},
    {"provider", "provider"},
    {"alias", "alias"},
    {"target", "target"},
    {"tenant", "tenant"},
};

// Parameters: 1 from, 2 until, 3 width, 4 tenant, 5 key, and then the types.
std::string query_sql(const UsageQuery& query) {
  std::string sums, columns;
  for (const std::string_view column : kUsageColumns) {
    sums.append(", sum(").append(column).append(")");
    columns.append(", ").append(column);
  }
  for (int source = 0; source < 4; ++source) {
    sums += ", sum(iif(source = " + std::to_string(source) + ", prompt + completion, 0))";
  }
  std::string names, by = "bucket";
  for (const UsageGroup* group : query.groups) {
    names.append(", ").append(group->column);
    by.append(", ").append(group->column);
  }
  const std::string range = " WHERE start >= ?1 AND start < ?2";
  std::string sql = "SELECT start - start % ?3 AS bucket, max(key_name)" + sums + names +
                    " FROM (SELECT start, series" + columns + " FROM usage_minute" + range +
                    " UNION ALL SELECT start, series" + columns + " FROM usage_hour" + range +
                    ") JOIN usage_series ON id = series"
                    " WHERE (?4 = '' OR tenant = ?4) AND (?5 = '' OR key_id = ?5)";
  for (size_t i = 0; i < query.types.size(); ++i) {
    sql += (i == 0 ? " AND usage_type IN (?" : ", ?") + std::to_string(i + 6);
  }
  if (!query.types.empty()) sql += ")";
  return sql + " GROUP BY " + by + " ORDER BY " + by;
}

// The columns in the order of query_sql().
UsageResult result_read(const SqliteStatement& row, size_t groups) {
  UsageResult out;
  out.key_name = row.text(1);
  int column = 2;
  for (int64_t& value : out.sums.values) value = row.integer(column++);
  for (int64_t& value : out.tokens) value = row.integer(column++);
  for (size_t i = 0; i < groups; ++i) out.names.emplace_back(row.text(column++));
  return out;
}

// Ends the page before the bucket that made it too long.
void page_cut(size_t at, UsagePage* page) {
  page->too_many = at == 0;
  page->next_s = page->buckets[at].start_s;
  page->buckets.resize(at);
}

}  // namespace

const UsageGroup* usage_group_named(std::string_view name) {
  const auto* found = std::find_if(std::begin(kGroups), std::end(kGroups),
                                   [&](const UsageGroup& group) { return group.name == name; });
  return found == std::end(kGroups) ? nullptr : found;
}

Sqlited<UsagePage> usage_query(UsageStore& store, const UsageQuery& query) {
  WEIR_CHECK(query.width_s > 0);
  WEIR_CHECK(query.start_s >= 0);
  UsagePage page;
  const int64_t first = query.start_s - query.start_s % query.width_s;
  int64_t until = first;
  for (uint32_t i = 0; i < query.limit && until < query.end_s; ++i, until += query.width_s) {
    page.buckets.push_back({until, {}});
  }
  if (until < query.end_s) page.next_s = until;
  auto read = store.database().prepare(query_sql(query));
  if (!read) return std::unexpected(read.error());
  read->bind(1, query.start_s).bind(2, std::min(until, query.end_s)).bind(3, query.width_s);
  read->bind(4, query.tenant).bind(5, query.key_id);
  for (size_t i = 0; i < query.types.size(); ++i) {
    read->bind(static_cast<int>(i) + 6, query.types[i]);
  }
  for (size_t results = 0;; ++results) {
    const auto row = read->step();
    if (!row) return std::unexpected(row.error());
    if (!*row) return page;
    const auto at = static_cast<size_t>((read->integer(0) - first) / query.width_s);
    WEIR_CHECK(at < page.buckets.size());
    if (results == UsagePage::kMaxResults) {
      page_cut(at, &page);
      return page;
    }
    page.buckets[at].results.push_back(result_read(*read, query.groups.size()));
  }
}

}  // namespace weir
