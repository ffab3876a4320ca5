#include "control/usage/usage_store.h"

#include <algorithm>

#include "base/check.h"
#include "control/config_price.h"

namespace weir {

namespace {

constexpr int64_t kMinuteS = 60, kDayS = 86'400;

int64_t floor_to(int64_t unix_s, int64_t step) {
  const int64_t rest = unix_s % step;
  return unix_s - (rest < 0 ? rest + step : rest);
}

void saturating_add(int64_t* to, int64_t value) {
  if (__builtin_add_overflow(*to, value, to)) *to = value < 0 ? INT64_MIN : INT64_MAX;
}

void key_append(std::string* key, std::string_view part) {
  const auto size = static_cast<uint32_t>(part.size());
  key->append(reinterpret_cast<const char*>(&size), sizeof size);
  key->append(part);
}

}  // namespace

std::string_view usage_type_name(UsageType type) {
  return type == UsageType::kEmbedding ? "embedding" : "completion";
}

void UsageSums::add(const UsageSums& other) {
  for (size_t i = 0; i < kUsageFields; ++i) saturating_add(&values[i], other.values[i]);
}

// Only what is there: most requests leave half of the sums as they are.
void UsageSums::add(const UsageNumbers& one) {
  static_assert(static_cast<int>(UsageField::kRefused) == static_cast<int>(Outcome::kRefused));
  const auto add_to = [this](UsageField field, int64_t value) {
    saturating_add(&(*this)[field], value);
  };
  const auto add_tokens = [&add_to](UsageField field, int64_t tokens) {
    if (tokens > 0) add_to(field, std::min(tokens, kMaxRequestTokens));
  };
  add_to(static_cast<UsageField>(one.outcome), 1);
  add_to(UsageField::kAttempts, one.attempts);
  if (one.usage.source == UsageSource::kNone) return;
  add_tokens(UsageField::kPrompt, one.usage.prompt_tokens);
  add_tokens(UsageField::kCompletion, one.usage.completion_tokens);
  add_tokens(UsageField::kCached, one.usage.cached_tokens);
  add_tokens(UsageField::kReasoning, one.usage.reasoning_tokens);
  if (one.cost_nano) add_to(UsageField::kCost, *one.cost_nano);
  add_to(one.cost_nano ? UsageField::kPriced : UsageField::kUnpriced, 1);
}

UsagePlace UsageStore::add(const UsageRow& row) {
  // More names than expected in one interval are written at once, and not kept.
  if (cells_ >= kMaxCells && !failing_ && !reading_) static_cast<void>(flush());
  Series* series = series_of(row);
  if (series == nullptr) {
    ++lost_;
    return {};
  }
  sums_of(series, row.unix_s)->add(row);
  return {generation_, static_cast<uint32_t>(series - series_.data())};
}

bool UsageStore::add_at(UsagePlace place, const UsageNumbers& numbers) {
  if (place.generation != generation_ || cells_ >= kMaxCells) return false;
  sums_of(&series_[place.series], numbers.unix_s)->add(numbers);
  return true;
}

void UsageStore::long_read_begin() {
  reading_ = true;
  database_->set_progress(idle_work_, idle_context_);
}

void UsageStore::long_read_end() {
  database_->set_progress(nullptr, nullptr);
  reading_ = false;
}

UsageStore::Series* UsageStore::series_of(const UsageRow& row) {
  key_scratch_.clear();
  key_scratch_ += static_cast<char>(row.type);
  key_scratch_ += static_cast<char>(row.usage.source);
  for (const std::string_view part : {row.tenant, row.key_id, row.key_name, row.provider,
                                      row.model, row.alias, row.target}) {
    key_append(&key_scratch_, part);
  }
  const auto found = index_.find(key_scratch_);
  if (found != index_.end()) {
    Series* series = &series_[found->second];
    return series->cells.empty() && cells_ >= kMaxCells ? nullptr : series;
  }
  if (cells_ >= kMaxCells) return nullptr;
  index_.emplace(key_scratch_, static_cast<uint32_t>(series_.size()));
  Series& made = series_.emplace_back();
  made.tenant = row.tenant;
  made.key_id = row.key_id;
  made.key_name = row.key_name;
  made.provider = row.provider;
  made.model = row.model;
  made.alias = row.alias;
  made.target = row.target;
  made.type = row.type;
  made.source = row.usage.source;
  return &made;
}

UsageSums* UsageStore::sums_of(Series* series, int64_t unix_s) {
  if (!series->cells.empty()) {
    Cell& newest = series->cells.back();
    if (unix_s >= newest.start && unix_s - newest.start < kMinuteS) return &newest.sums;
  }
  return sums_find(series, floor_to(unix_s, kMinuteS));
}

UsageSums* UsageStore::sums_find(Series* series, int64_t start) {
  // Only the newest ones are looked at: a second cell of one minute is written on top of the first.
  constexpr size_t kSearched = 8;
  const size_t count = series->cells.size();
  for (size_t i = count; i > 0 && count - i < kSearched; --i) {
    if (series->cells[i - 1].start == start) return &series->cells[i - 1].sums;
  }
  if (cells_ >= kMaxCells) {
    ++misdated_;
    return &series->cells.back().sums;
  }
  if (series->cells.empty()) dirty_.push_back(static_cast<uint32_t>(series - series_.data()));
  ++cells_;
  series->cells.push_back({start, {}});
  return &series->cells.back().sums;
}

Sqlited<void> UsageStore::flush() {
  WEIR_CHECK(!reading_);
  if (cells_ == 0) return {};
  const auto written = flush_write();
  failing_ = !written;
  if (!written) {
    ++flush_failures_;
    return written;
  }
  for (const uint32_t at : dirty_) series_[at].cells.clear();
  dirty_.clear();
  cells_ = 0;
  if (series_.size() > kMaxSeries) series_forget();
  return {};
}

Sqlited<void> UsageStore::flush_write() {
  SqliteTransaction change(&*database_);
  if (const auto begun = change.begin(); !begun) return begun;
  Sqlited<void> done;
  for (size_t i = 0; i < dirty_.size() && done; ++i) {
    Series& series = series_[dirty_[i]];
    done = series_write(&series);
    for (size_t at = 0; at < series.cells.size() && done; ++at) {
      done = cell_write(series, series.cells[at]);
    }
  }
  if (done) done = change.commit();
  if (done) return {};
  // What this transaction gave to series is rolled back with it.
  for (const uint32_t at : dirty_) {
    series_[at].id = 0;
    series_[at].used_day = -1;
  }
  return done;
}

// Finds or makes the row of the names, and notes the last day on which it was used.
Sqlited<void> UsageStore::series_write(Series* series) {
  int64_t day = series->used_day;
  for (const Cell& cell : series->cells) day = std::max(day, cell.start / kDayS);
  if (series->id != 0 && day == series->used_day) return {};
  const auto names_bind = [series](SqliteStatement& to) -> SqliteStatement& {
    return to.bind(1, series->tenant).bind(2, series->key_id).bind(3, series->key_name)
        .bind(4, series->provider).bind(5, series->model).bind(6, series->alias)
        .bind(7, series->target).bind(8, usage_type_name(series->type))
        .bind(9, static_cast<int64_t>(series->source));
  };
  if (series->id == 0) {
    SqliteStatement& find = names_bind(statements_->series_find);
    const auto row = find.step();
    if (!row) return std::unexpected(row.error());
    if (*row) series->id = find.integer(0);
    find.reset();
  }
  if (series->id == 0) {
    const auto added = names_bind(statements_->series_add).bind(10, day).run();
    if (!added) return added;
    series->id = database_->last_row_id();
  } else {
    const auto touched = statements_->series_touch.bind(1, day).bind(2, series->id).run();
    if (!touched) return touched;
  }
  series->used_day = day;
  return {};
}

Sqlited<void> UsageStore::cell_write(const Series& series, const Cell& cell) {
  SqliteStatement& add = statements_->cell_add;
  add.bind(1, cell.start).bind(2, series.id);
  for (size_t i = 0; i < kUsageFields; ++i) {
    add.bind(static_cast<int>(i) + 3, cell.sums.values[i]);
  }
  return add.run();
}

Sqlited<UsageSums> UsageStore::totals() {
  SqliteStatement& read = statements_->totals;
  const auto row = read.step();
  if (!row) return std::unexpected(row.error());
  WEIR_CHECK(*row);
  UsageSums sums;
  for (size_t i = 0; i < kUsageFields; ++i) sums.values[i] = read.integer(static_cast<int>(i));
  read.reset();
  for (const uint32_t at : dirty_) {
    for (const Cell& cell : series_[at].cells) sums.add(cell.sums);
  }
  return sums;
}

// Only while nothing waits: the numbers of rows are looked up again when they are needed.
void UsageStore::series_forget() {
  WEIR_CHECK(dirty_.empty());
  series_.clear();
  index_.clear();
  ++generation_;
}

}  // namespace weir
