// The tables of the usage store, their statements, and how they are kept small: minutes become
// hours, and what is older than the retention goes.
#include <algorithm>
#include <initializer_list>
#include <utility>

#include "control/usage/usage_store.h"

namespace weir {

namespace {

constexpr int64_t kHourS = 3'600, kDayS = 86'400;

// Names stand once in usage_series. `start` is the Unix second at which a minute or hour begins.
constexpr std::string_view kSteps[] = {R"sql(
CREATE TABLE usage_series (
  id INTEGER PRIMARY KEY,
  tenant TEXT NOT NULL, key_id TEXT NOT NULL, key_name TEXT NOT NULL, provider TEXT NOT NULL,
  model TEXT NOT NULL, alias TEXT NOT NULL, target TEXT NOT NULL, usage_type TEXT NOT NULL,
  source INTEGER NOT NULL, used_day INTEGER NOT NULL,
  UNIQUE (tenant, key_id, key_name, provider, model, alias, target, usage_type, source)) STRICT;
CREATE TABLE usage_minute (
  start INTEGER NOT NULL, series INTEGER NOT NULL,
  completed INTEGER NOT NULL, failed INTEGER NOT NULL, cancelled INTEGER NOT NULL,
  refused INTEGER NOT NULL, attempts INTEGER NOT NULL, prompt INTEGER NOT NULL,
  completion INTEGER NOT NULL, cached INTEGER NOT NULL, reasoning INTEGER NOT NULL,
  cost_nano INTEGER NOT NULL, priced INTEGER NOT NULL, unpriced INTEGER NOT NULL,
  PRIMARY KEY (start, series)) STRICT, WITHOUT ROWID;
CREATE TABLE usage_hour (
  start INTEGER NOT NULL, series INTEGER NOT NULL,
  completed INTEGER NOT NULL, failed INTEGER NOT NULL, cancelled INTEGER NOT NULL,
  refused INTEGER NOT NULL, attempts INTEGER NOT NULL, prompt INTEGER NOT NULL,
  completion INTEGER NOT NULL, cached INTEGER NOT NULL, reasoning INTEGER NOT NULL,
  cost_nano INTEGER NOT NULL, priced INTEGER NOT NULL, unpriced INTEGER NOT NULL,
  PRIMARY KEY (start, series)) STRICT, WITHOUT ROWID;
)sql"};

// "completed, failed, ..." with `before` and `behind` around each name.
std::string columns_text(std::string_view before, std::string_view behind) {
  std::string out;
  for (const std::string_view column : kUsageColumns) {
    if (!out.empty()) out += ", ";
    out.append(before).append(column).append(behind);
  }
  return out;
}

// "completed = completed + excluded.completed, ..."
std::string columns_added() {
  std::string out;
  for (const std::string_view column : kUsageColumns) {
    if (!out.empty()) out += ", ";
    out.append(column).append(" = ").append(column).append(" + excluded.").append(column);
  }
  return out;
}

std::string upsert_end() { return " ON CONFLICT (start, series) DO UPDATE SET " + columns_added(); }

std::string cell_add_sql() {
  std::string marks = "?, ?";
  for (size_t i = 0; i < kUsageFields; ++i) marks += ", ?";
  return "INSERT INTO usage_minute VALUES (" + marks + ")" + upsert_end();
}

std::string fold_sql() {
  // The WHERE also keeps SQLite from reading ON CONFLICT as a condition of a join.
  return "INSERT INTO usage_hour (start, series, " + columns_text("", "") +
         ") SELECT ?1, series, " + columns_text("sum(", ")") +
         " FROM usage_minute WHERE start >= ?1 AND start < ?2 GROUP BY series" + upsert_end();
}

std::string totals_sql() {
  const std::string columns = columns_text("", "");
  return "SELECT " + columns_text("coalesce(sum(", "), 0)") + " FROM (SELECT " + columns +
         " FROM usage_minute UNION ALL SELECT " + columns + " FROM usage_hour)";
}

constexpr std::string_view kSeriesNames =
    "tenant, key_id, key_name, provider, model, alias, target, usage_type, source";

Sqlited<void> hour_drop(SqliteStatement& drop, int64_t from, int64_t until) {
  return drop.bind(1, from).bind(2, until).run();
}

// The first row's time, or nothing for an empty table.
Sqlited<std::optional<int64_t>> oldest_of(SqliteStatement& read) {
  const auto row = read.step();
  if (!row) return std::unexpected(row.error());
  if (!*row) return std::optional<int64_t>();
  const int64_t start = read.integer(0);
  read.reset();
  return std::optional<int64_t>(start);
}

int64_t hour_of(int64_t unix_s) { return unix_s - (unix_s % kHourS + kHourS) % kHourS; }

}  // namespace

Sqlited<std::unique_ptr<UsageStore>> UsageStore::open(const std::string& path) {
  std::unique_ptr<UsageStore> store(new UsageStore());
  auto database = Sqlite::open(path);
  if (!database) return std::unexpected(database.error());
  store->database_.emplace(std::move(*database));
  const auto migrated = schema_migrate(&*store->database_, "usage", kSteps);
  if (!migrated) return std::unexpected(migrated.error());
  if (const auto prepared = store->prepare(); !prepared) return std::unexpected(prepared.error());
  return store;
}

Sqlited<void> UsageStore::prepare() {
  Statements& out = statements_.emplace();
  const std::string names(kSeriesNames);
  const std::pair<SqliteStatement*, std::string> wanted[] = {
      {&out.series_find, "SELECT id FROM usage_series WHERE (" + names +
                             ") = (?, ?, ?, ?, ?, ?, ?, ?, ?)"},
      {&out.series_add, "INSERT INTO usage_series (" + names +
                            ", used_day) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"},
      {&out.series_touch, "UPDATE usage_series SET used_day = max(used_day, ?) WHERE id = ?"},
      {&out.cell_add, cell_add_sql()},
      {&out.oldest_minute, "SELECT start FROM usage_minute ORDER BY start LIMIT 1"},
      {&out.oldest_hour, "SELECT start FROM usage_hour ORDER BY start LIMIT 1"},
      {&out.fold, fold_sql()},
      {&out.minutes_drop, "DELETE FROM usage_minute WHERE start >= ? AND start < ?"},
      {&out.hours_drop, "DELETE FROM usage_hour WHERE start >= ? AND start < ?"},
      {&out.series_drop, "DELETE FROM usage_series WHERE used_day < ?"},
      {&out.totals, totals_sql()}};
  for (const auto& [statement, sql] : wanted) {
    auto made = database_->prepare(sql);
    if (!made) return std::unexpected(made.error());
    *statement = std::move(*made);
  }
  return {};
}

Sqlited<bool> UsageStore::maintain(int64_t now_unix_s) {
  const auto folded = fold_step(now_unix_s);
  if (!folded) return folded;
  const auto expired = expire_step(now_unix_s);
  if (!expired) return expired;
  return *folded || *expired;
}

// The oldest hour of minutes, once all of it is old enough.
Sqlited<bool> UsageStore::fold_step(int64_t now_unix_s) {
  const auto oldest = oldest_of(statements_->oldest_minute);
  if (!oldest) return std::unexpected(oldest.error());
  if (!*oldest) return false;
  const int64_t hour = hour_of(**oldest);
  if (hour + kHourS > now_unix_s - kMinutesKeptS) return false;
  SqliteTransaction change(&*database_);
  auto done = change.begin();
  if (done) done = statements_->fold.bind(1, hour).bind(2, hour + kHourS).run();
  if (done) done = hour_drop(statements_->minutes_drop, hour, hour + kHourS);
  if (done) done = change.commit();
  if (!done) return std::unexpected(done.error());
  return true;
}

// The oldest hour of either table, once all of it is older than the retention; names go when their
// last day has gone.
Sqlited<bool> UsageStore::expire_step(int64_t now_unix_s) {
  const int64_t limit = now_unix_s - int64_t{retention_days_} * kDayS;
  bool any = false;
  for (const auto& [read, drop] :
       {std::pair{&statements_->oldest_minute, &statements_->minutes_drop},
        std::pair{&statements_->oldest_hour, &statements_->hours_drop}}) {
    const auto oldest = oldest_of(*read);
    if (!oldest) return std::unexpected(oldest.error());
    if (!*oldest || hour_of(**oldest) + kHourS > limit) continue;
    const int64_t hour = hour_of(**oldest);
    if (const auto gone = hour_drop(*drop, hour, hour + kHourS); !gone) {
      return std::unexpected(gone.error());
    }
    any = true;
  }
  const int64_t day = limit / kDayS;
  if (any || day == pruned_day_ || !dirty_.empty()) return any;
  pruned_day_ = day;
  if (const auto gone = statements_->series_drop.bind(1, day).run(); !gone) {
    return std::unexpected(gone.error());
  }
  if (database_->changed_rows() > 0) series_forget();
  return false;
}

}  // namespace weir
