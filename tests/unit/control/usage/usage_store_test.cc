// Goal: no number is lost or counted twice, over flushes, restarts, kills, folding and full disks.
#include "control/usage/usage_store.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <random>

namespace weir {

namespace {

constexpr int64_t kDay = 86'400, kNow = 20'000 * kDay + 7'230;

UsageRow row_of(std::string_view alias, int64_t unix_s = kNow) {
  UsageRow row;
  row.unix_s = unix_s;
  row.tenant = "default";
  row.key_id = "k1";
  row.key_name = "app";
  row.provider = "p";
  row.model = "m";
  row.alias = alias;
  row.target = "p/m";
  row.outcome = Outcome::kCompleted;
  row.attempts = 2;
  row.usage = {10, 5, 15, 4, 1, UsageSource::kProvider};
  row.cost_nano = 700;
  return row;
}

class UsageStoreTest : public testing::Test {
 protected:
  void TearDown() override {
    store_.reset();
    for (const char* end : {"", "-wal", "-shm"}) unlink((file_ + end).c_str());
  }
  void open() {
    store_.reset();
    auto made = UsageStore::open(file_);
    ASSERT_TRUE(made) << made.error();
    store_ = std::move(*made);
  }
  UsageSums totals() {
    const auto sums = store_->totals();
    EXPECT_TRUE(sums);
    return sums.value_or(UsageSums());
  }
  int64_t number(std::string_view sql) {
    auto read = store_->database().prepare(sql);
    EXPECT_TRUE(read) << read.error();
    const auto row = read->step();
    EXPECT_TRUE(row && *row);
    return read->integer(0);
  }
  void maintain_all(int64_t now) {
    for (int i = 0; i < 1000; ++i) {
      const auto more = store_->maintain(now);
      ASSERT_TRUE(more) << more.error();
      if (!*more) return;
    }
    FAIL() << "the work does not end";
  }
  const std::string file_ = testing::TempDir() + "/weir-usage-" + std::to_string(getpid());
  std::unique_ptr<UsageStore> store_;
};

TEST_F(UsageStoreTest, SumsByMinuteAndNames) {
  open();
  for (int i = 0; i < 3; ++i) store_->add(row_of("chat"));
  store_->add(row_of("chat", kNow + 60));
  store_->add(row_of("other"));
  UsageRow refused = row_of("chat");
  refused.outcome = Outcome::kRefused;
  refused.usage = {};
  store_->add(refused);
  EXPECT_EQ(store_->waiting(), 4u);
  ASSERT_TRUE(store_->flush());
  EXPECT_EQ(store_->waiting(), 0u);
  EXPECT_EQ(number("SELECT count(*) FROM usage_minute"), 4);
  EXPECT_EQ(number("SELECT count(*) FROM usage_series"), 3);
  const UsageSums sums = totals();
  EXPECT_EQ(sums[UsageField::kCompleted], 5);
  EXPECT_EQ(sums[UsageField::kRefused], 1);
  EXPECT_EQ(sums[UsageField::kAttempts], 12);
  EXPECT_EQ(sums[UsageField::kPrompt], 50);
  EXPECT_EQ(sums[UsageField::kCompletion], 25);
  EXPECT_EQ(sums[UsageField::kCached], 20);
  EXPECT_EQ(sums[UsageField::kReasoning], 5);
  EXPECT_EQ(sums[UsageField::kCost], 3500);
  EXPECT_EQ(sums[UsageField::kPriced], 5);
  EXPECT_EQ(sums[UsageField::kUnpriced], 0);
}

TEST_F(UsageStoreTest, ASecondFlushOfAMinuteAddsToIt) {
  open();
  for (int i = 0; i < 4; ++i) {
    store_->add(row_of("chat", kNow + i));
    ASSERT_TRUE(store_->flush());
  }
  EXPECT_EQ(number("SELECT count(*) FROM usage_minute"), 1);
  EXPECT_EQ(totals()[UsageField::kPrompt], 40);
}

TEST_F(UsageStoreTest, CountsThatWereNotReportedOrAreAbsurdDoNoHarm) {
  open();
  UsageRow row = row_of("chat");
  row.usage = {-1, INT64_MAX, -1, -1, -1, UsageSource::kCounted};
  row.cost_nano.reset();
  for (int i = 0; i < 100; ++i) store_->add(row);
  ASSERT_TRUE(store_->flush());
  EXPECT_EQ(totals()[UsageField::kPrompt], 0);
  EXPECT_EQ(totals()[UsageField::kCompletion], 100 * int64_t{1'000'000'000});
  EXPECT_EQ(totals()[UsageField::kUnpriced], 100);
}

TEST_F(UsageStoreTest, ARestartKeepsWhatWasFlushed) {
  open();
  store_->add(row_of("chat"));
  ASSERT_TRUE(store_->flush());
  const UsageSums before = totals();
  open();
  EXPECT_EQ(totals(), before);
  store_->add(row_of("chat"));
  ASSERT_TRUE(store_->flush());
  EXPECT_EQ(number("SELECT count(*) FROM usage_series"), 1);
  EXPECT_EQ(totals()[UsageField::kCompleted], 2);
}

TEST_F(UsageStoreTest, AKillLosesOnlyWhatWasNotFlushed) {
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    auto made = UsageStore::open(file_);
    if (!made) _exit(1);
    for (int i = 0; i < 50; ++i) {
      (*made)->add(row_of("chat", kNow + i * 60));
      if (i % 10 == 9 && !(*made)->flush()) _exit(1);
    }
    (*made)->add(row_of("lost"));
    raise(SIGKILL);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
  open();
  EXPECT_EQ(totals()[UsageField::kCompleted], 50);
  EXPECT_EQ(number("SELECT count(*) FROM usage_series WHERE alias = 'lost'"), 0);
}

TEST_F(UsageStoreTest, WhatCannotBeWrittenWaits) {
  open();
  store_->add(row_of("first"));
  {
    auto other = Sqlite::open(file_);  // holds the file, as a full disk would
    ASSERT_TRUE(other);
    SqliteTransaction holder(&*other);
    ASSERT_TRUE(holder.begin());
    EXPECT_FALSE(store_->flush());
    store_->add(row_of("second"));
    EXPECT_FALSE(store_->flush());
  }
  EXPECT_EQ(store_->flush_failures(), 2u);
  EXPECT_EQ(totals()[UsageField::kCompleted], 2);
  ASSERT_TRUE(store_->flush());
  EXPECT_EQ(totals()[UsageField::kCompleted], 2);
  EXPECT_EQ(store_->waiting(), 0u);
}

// The page limit makes every write fail half way, and lifting it lets the same sums through.
TEST_F(UsageStoreTest, AFullDiskLosesNothing) {
  open();
  ASSERT_TRUE(store_->flush());
  const int64_t pages = number("PRAGMA page_count");
  ASSERT_TRUE(store_->database().execute("PRAGMA max_page_count=" + std::to_string(pages)));
  for (int i = 0; i < 300; ++i) store_->add(row_of("alias-" + std::to_string(i), kNow + i * 60));
  EXPECT_FALSE(store_->flush());
  EXPECT_EQ(number("SELECT count(*) FROM usage_minute"), 0);
  EXPECT_EQ(totals()[UsageField::kCompleted], 300);
  ASSERT_TRUE(store_->database().execute("PRAGMA max_page_count=1000000"));
  ASSERT_TRUE(store_->flush());
  EXPECT_EQ(totals()[UsageField::kCompleted], 300);
  EXPECT_EQ(number("SELECT count(*) FROM usage_minute"), 300);
}

TEST_F(UsageStoreTest, MemoryIsBoundedWhileNothingCanBeWritten) {
  open();
  ASSERT_TRUE(store_->database().execute("PRAGMA query_only=ON"));
  const auto cells = static_cast<int64_t>(UsageStore::kMaxCells);
  for (int64_t i = 0; i < cells + 500; ++i) store_->add(row_of("chat", kNow + i * 60));
  for (int i = 0; i < 7; ++i) store_->add(row_of("new"));
  EXPECT_EQ(store_->waiting(), UsageStore::kMaxCells);
  EXPECT_EQ(store_->misdated(), 500u);
  EXPECT_EQ(store_->lost(), 7u);
  EXPECT_EQ(store_->flush_failures(), 1u);  // not one for each row
  EXPECT_EQ(totals()[UsageField::kCompleted], cells + 500);
}

TEST_F(UsageStoreTest, TooManyNamesAreWrittenAtOnceAndForgotten) {
  open();
  const size_t rows = UsageStore::kMaxCells + 10;
  for (size_t i = 0; i < rows; ++i) store_->add(row_of("alias-" + std::to_string(i)));
  EXPECT_LT(store_->waiting(), 20u);
  ASSERT_TRUE(store_->flush());
  store_->add(row_of("alias-3"));
  ASSERT_TRUE(store_->flush());
  EXPECT_EQ(totals()[UsageField::kCompleted], static_cast<int64_t>(rows) + 1);
  EXPECT_EQ(number("SELECT count(*) FROM usage_series"), static_cast<int64_t>(rows));
}

TEST_F(UsageStoreTest, OldMinutesBecomeHours) {
  open();
  for (int i = 0; i < 120; ++i) store_->add(row_of("chat", kNow + i * 60));
  ASSERT_TRUE(store_->flush());
  const UsageSums before = totals();
  maintain_all(kNow + 600);
  EXPECT_EQ(number("SELECT count(*) FROM usage_hour"), 0);
  // Only whole hours of which all is seven days old.
  maintain_all(kNow + 7'100 + UsageStore::kMinutesKeptS);
  EXPECT_EQ(number("SELECT count(*) FROM usage_hour"), 1);
  EXPECT_EQ(number("SELECT count(*) FROM usage_minute"), 60);
  EXPECT_EQ(totals(), before);
  // A late row of a folded hour is folded into the same hour.
  store_->add(row_of("chat"));
  ASSERT_TRUE(store_->flush());
  maintain_all(kNow + 8'000 + UsageStore::kMinutesKeptS);
  EXPECT_EQ(number("SELECT count(*) FROM usage_hour"), 2);
  EXPECT_EQ(totals()[UsageField::kCompleted], 121);
}

TEST_F(UsageStoreTest, WhatIsTooOldGoes) {
  open();
  store_->set_retention(30);
  store_->add(row_of("old", kNow));
  store_->add(row_of("chat", kNow));
  store_->add(row_of("chat", kNow + 20 * kDay));
  ASSERT_TRUE(store_->flush());
  maintain_all(kNow + 29 * kDay);
  EXPECT_EQ(totals()[UsageField::kCompleted], 3);
  maintain_all(kNow + 31 * kDay);
  EXPECT_EQ(totals()[UsageField::kCompleted], 1);
  EXPECT_EQ(number("SELECT count(*) FROM usage_series"), 1);
  store_->add(row_of("old", kNow + 31 * kDay));
  store_->add(row_of("chat", kNow + 31 * kDay));
  ASSERT_TRUE(store_->flush());
  EXPECT_EQ(totals()[UsageField::kCompleted], 3);
  store_->set_retention(1);
  maintain_all(kNow + 60 * kDay);
  EXPECT_EQ(totals(), UsageSums());
  EXPECT_EQ(number("SELECT count(*) FROM usage_series"), 0);
}

// Random rows, flushes, failures, restarts after a flush, and folding: the sums always agree.
TEST_F(UsageStoreTest, TheSumsAreConserved) {
  const uint32_t seed = std::random_device()();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  open();
  UsageSums expected;
  int64_t now = kNow;
  for (int i = 0; i < 600; ++i) {
    now += random() % 600;
    const std::string alias = "a" + std::to_string(random() % 20);
    UsageRow row = row_of(alias, now - static_cast<int64_t>(random() % 100'000));
    row.outcome = static_cast<Outcome>(random() % 4);
    row.usage.prompt_tokens = static_cast<int64_t>(random() % 5000) - 1;
    row.usage.source = static_cast<UsageSource>(random() % 4);
    if (random() % 3 == 0) row.cost_nano.reset();
    store_->add(row);
    expected.add(row);
    const auto dice = random() % 100;
    if (dice < 5) {
      ASSERT_TRUE(store_->flush());
    } else if (dice < 8) {
      ASSERT_TRUE(store_->maintain(now));
    } else if (dice == 8) {
      ASSERT_TRUE(store_->flush());
      open();
    } else if (dice == 9) {
      ASSERT_TRUE(store_->database().execute("PRAGMA query_only=ON"));
      EXPECT_FALSE(store_->flush());
      ASSERT_TRUE(store_->database().execute("PRAGMA query_only=OFF"));
    }
  }
  EXPECT_EQ(totals(), expected);
  ASSERT_TRUE(store_->flush());
  maintain_all(now + 20 * kDay);
  EXPECT_EQ(totals(), expected);
}

}  // namespace

}  // namespace weir
