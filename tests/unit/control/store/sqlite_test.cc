// Goal: the connection keeps what it says it keeps, and versions of tables only go up.
#include "control/store/sqlite.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

namespace weir {

namespace {

constexpr std::string_view kOne[] = {"CREATE TABLE t (n INTEGER) STRICT"};
constexpr std::string_view kTwo[] = {"CREATE TABLE t (n INTEGER) STRICT",
                                     "INSERT INTO t VALUES (7)"};
constexpr std::string_view kBroken[] = {"CREATE TABLE t (n INTEGER) STRICT",
                                        "INSERT INTO t VALUES (8)", "no such words"};

class SqliteTest : public testing::Test {
 protected:
  void TearDown() override {
    for (const char* end : {"", "-wal", "-shm"}) unlink((file_ + end).c_str());
  }
  Sqlite open() {
    auto made = Sqlite::open(file_);
    EXPECT_TRUE(made) << made.error();
    return std::move(*made);
  }
  static int64_t number(Sqlite* database, std::string_view sql) {
    auto read = database->prepare(sql);
    EXPECT_TRUE(read) << read.error();
    const auto row = read->step();
    EXPECT_TRUE(row && *row);
    return read->integer(0);
  }
  const std::string file_ = testing::TempDir() + "/weir-sqlite-" + std::to_string(getpid());
};

TEST_F(SqliteTest, IsPrivateAndDurable) {
  Sqlite database = open();
  struct stat info {};
  ASSERT_EQ(stat(file_.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600u);
  EXPECT_EQ(number(&database, "PRAGMA synchronous"), 2);
  auto mode = database.prepare("PRAGMA journal_mode");
  ASSERT_TRUE(mode && mode->step());
  EXPECT_EQ(mode->text(0), "wal");
}

TEST_F(SqliteTest, BindsAndReads) {
  Sqlite database = open();
  ASSERT_TRUE(database.execute("CREATE TABLE t (a INTEGER NOT NULL, b TEXT NOT NULL) STRICT"));
  auto add = database.prepare("INSERT INTO t VALUES (?, ?)");
  ASSERT_TRUE(add);
  ASSERT_TRUE(add->bind(1, int64_t{INT64_MIN}).bind(2, std::string_view()).run());
  ASSERT_TRUE(add->bind(1, int64_t{5}).bind(2, std::string_view("a\0b", 3)).run());
  auto read = database.prepare("SELECT a, b FROM t ORDER BY a");
  ASSERT_TRUE(read && read->step());
  EXPECT_EQ(read->integer(0), INT64_MIN);
  EXPECT_EQ(read->text(1), "");
  ASSERT_TRUE(read->step());
  EXPECT_EQ(read->text(1), std::string_view("a\0b", 3));
  EXPECT_EQ(read->step(), Sqlited<bool>(false));
  EXPECT_FALSE(database.prepare("SELECT nothing FROM nowhere"));
}

TEST_F(SqliteTest, ATransactionThatIsNotCommittedLeavesNothing) {
  Sqlite database = open();
  ASSERT_TRUE(database.execute("CREATE TABLE t (n INTEGER) STRICT"));
  {
    SqliteTransaction change(&database);
    ASSERT_TRUE(change.begin());
    ASSERT_TRUE(database.execute("INSERT INTO t VALUES (1)"));
    Sqlite other = open();
    SqliteTransaction second(&other);
    EXPECT_FALSE(second.begin());  // one writer at a time
  }
  EXPECT_EQ(number(&database, "SELECT count(*) FROM t"), 0);
}

TEST_F(SqliteTest, EachStepOfATableRunsOnce) {
  {
    Sqlite database = open();
    ASSERT_TRUE(schema_migrate(&database, "part", kOne));
    ASSERT_TRUE(schema_migrate(&database, "part", kOne));
  }
  Sqlite database = open();
  ASSERT_TRUE(schema_migrate(&database, "part", kTwo));
  ASSERT_TRUE(schema_migrate(&database, "part", kTwo));
  EXPECT_EQ(number(&database, "SELECT count(*) FROM t"), 1);
  const auto older = schema_migrate(&database, "part", kOne);
  ASSERT_FALSE(older);
  EXPECT_NE(older.error().find("newer version"), std::string::npos);
}

TEST_F(SqliteTest, AFailedStepLeavesTheOldVersion) {
  Sqlite database = open();
  EXPECT_FALSE(schema_migrate(&database, "part", kBroken));
  ASSERT_TRUE(schema_migrate(&database, "part", kTwo));
  EXPECT_EQ(number(&database, "SELECT max(n) FROM t"), 7);
}

TEST_F(SqliteTest, AFileThatIsNoDatabaseIsRefused) {
  FILE* file = fopen(file_.c_str(), "w");
  ASSERT_NE(file, nullptr);
  for (int i = 0; i < 200; ++i) fputs("not a database, not at all\n", file);
  fclose(file);
  EXPECT_FALSE(Sqlite::open(file_));
  EXPECT_FALSE(Sqlite::open(file_ + "/below"));
}

}  // namespace

}  // namespace weir
