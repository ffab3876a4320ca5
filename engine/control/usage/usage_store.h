// The usage store: what was asked, used and paid, by minute and by name, kept in SQLite.
//
// add() sums in memory; flush() writes the sums in one transaction. What was flushed survives a
// kill and a loss of power; what was not is lost with the process, so the caller flushes every
// `accounting.flush_interval` and before it ends. One thread at a time: the control thread.
// Invariants: 1. totals() is the sum of all that add() took, less lost(), less what the retention
// deleted, whether flushes succeed or not. 2. At most kMaxCells sums wait for a flush; when they
// cannot be written, later requests are added to a waiting minute of the same names.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include <weir/types.h>

#include "control/store/sqlite.h"
#include "link/ledger_record.h"

namespace weir {

enum class UsageType : uint8_t { kCompletion, kEmbedding };
[[nodiscard]] std::string_view usage_type_name(UsageType type);

// The numbers of one finished request.
struct UsageNumbers {
  int64_t unix_s = 0;  // when it ended
  Outcome outcome = Outcome::kRefused;
  uint32_t attempts = 0;
  Usage usage;
  std::optional<int64_t> cost_nano;  // nothing: the target has no price
};

// The same with the names that it is added under, which are borrowed for the call; unknown ones are
// empty.
struct UsageRow : UsageNumbers {
  std::string_view tenant, key_id, key_name, provider, model, alias, target;
  UsageType type = UsageType::kCompletion;
};

// Which of the store's series a row went to; holds until the store forgets its series. Rows of the
// same names, type and source go to the same place.
struct UsagePlace {
  uint64_t generation = 0;  // 0: not known
  uint32_t series = 0;
};
constexpr size_t kUsageSources = 4;

// The columns that are summed, in the order of the tables.
enum class UsageField : uint8_t {
  kCompleted,
  kFailed,
  kCancelled,
  kRefused,
  kAttempts,
  kPrompt,
  kCompletion,
  kCached,
  kReasoning,
  kCost,      // nano-dollars
  kPriced,    // requests that used tokens and had a price
  kUnpriced,  // requests that used tokens without one
  kCount,
};
constexpr size_t kUsageFields = static_cast<size_t>(UsageField::kCount);
inline constexpr std::array<std::string_view, kUsageFields> kUsageColumns = {
    "completed", "failed", "cancelled", "refused",   "attempts", "prompt",
    "completion", "cached", "reasoning", "cost_nano", "priced",   "unpriced"};

struct UsageSums {
  std::array<int64_t, kUsageFields> values{};
  [[nodiscard]] int64_t operator[](UsageField field) const {
    return values[static_cast<size_t>(field)];
  }
  int64_t& operator[](UsageField field) { return values[static_cast<size_t>(field)]; }
  // Both stay at the largest number instead of wrapping.
  void add(const UsageSums& other);
  void add(const UsageNumbers& one);
  bool operator==(const UsageSums&) const = default;
};

class UsageStore {
 public:
  static constexpr size_t kMaxCells = 8'192;     // waiting sums: (minute, names)
  static constexpr size_t kMaxSeries = 8'192;    // names that are kept in memory over a flush
  static constexpr int64_t kMinutesKeptS = 7 * 86'400;  // then an hour is the smallest step

  // An empty path keeps everything in memory. The error is one line.
  [[nodiscard]] static Sqlited<std::unique_ptr<UsageStore>> open(const std::string& path);

  void set_retention(uint32_t days) { retention_days_ = days; }
  // Where it went; unknown when there was no room.
  UsagePlace add(const UsageRow& row);
  // The same where the place is known already. False: not added.
  [[nodiscard]] bool add_at(UsagePlace place, const UsageNumbers& numbers);
  // On an error everything stays in memory for the next flush.
  [[nodiscard]] Sqlited<void> flush();
  // A small bounded step of folding minutes into hours and deleting what is too old: at most an
  // hour of rows each. Called after every flush; false when nothing is left to do.
  [[nodiscard]] Sqlited<bool> maintain(int64_t now_unix_s);

  // What to do during long questions, so that nothing fills up meanwhile: it may call add(), and
  // nothing else of the store.
  void set_idle(void (*work)(void*), void* context) {
    idle_work_ = work;
    idle_context_ = context;
  }
  void long_read_begin();
  void long_read_end();

  [[nodiscard]] Sqlited<UsageSums> totals();
  [[nodiscard]] Sqlite& database() { return *database_; }

  [[nodiscard]] size_t waiting() const { return cells_; }
  [[nodiscard]] uint64_t flush_failures() const { return flush_failures_; }
  // Requests whose sums found no room in memory while the file could not be written.
  [[nodiscard]] uint64_t lost() const { return lost_; }
  // Requests that were added to another minute for that reason.
  [[nodiscard]] uint64_t misdated() const { return misdated_; }

 private:
  struct Cell {
    int64_t start = 0;  // of the minute, Unix seconds
    UsageSums sums;
  };
  struct Series {  // one combination of names
    std::string tenant, key_id, key_name, provider, model, alias, target;
    UsageType type = UsageType::kCompletion;
    UsageSource source = UsageSource::kNone;
    int64_t id = 0;        // in the file; 0: not written yet
    int64_t used_day = -1;  // as written
    std::vector<Cell> cells;
  };
  struct Statements {
    SqliteStatement series_find, series_add, series_touch, cell_add;
    SqliteStatement oldest_minute, oldest_hour, fold, minutes_drop, hours_drop, series_drop;
    SqliteStatement totals;
  };

  UsageStore() = default;
  [[nodiscard]] Sqlited<void> prepare();
  // Null: no room for a new one.
  Series* series_of(const UsageRow& row);
  // Of the minute of `unix_s`.
  UsageSums* sums_of(Series* series, int64_t unix_s);
  [[gnu::noinline]] UsageSums* sums_find(Series* series, int64_t start);
  [[nodiscard]] Sqlited<void> flush_write();
  [[nodiscard]] Sqlited<void> series_write(Series* series);
  [[nodiscard]] Sqlited<void> cell_write(const Series& series, const Cell& cell);
  [[nodiscard]] Sqlited<bool> fold_step(int64_t now_unix_s);
  [[nodiscard]] Sqlited<bool> expire_step(int64_t now_unix_s);
  void series_forget();

  std::optional<Sqlite> database_;
  std::optional<Statements> statements_;  // after the connection: destroyed before it
  std::vector<Series> series_;
  std::unordered_map<std::string, uint32_t> index_;  // by all names
  std::string key_scratch_;
  std::vector<uint32_t> dirty_;  // series with cells
  size_t cells_ = 0;
  uint64_t generation_ = 1;      // of series_
  bool failing_ = false;
  bool reading_ = false;  // between long_read_begin() and _end(): nothing may be written
  void (*idle_work_)(void*) = nullptr;
  void* idle_context_ = nullptr;
  uint32_t retention_days_ = 400;
  int64_t pruned_day_ = 0;
  uint64_t flush_failures_ = 0, lost_ = 0, misdated_ = 0;
};

}  // namespace weir
