#include "control/store/sqlite.h"

#include <fcntl.h>
#include <sqlite3.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/check.h"

namespace weir {

namespace {

// A reader from outside may hold the file for a moment; waiting longer is the next flush's affair.
constexpr int kBusyTimeoutMs = 20;
// Of SQLite's virtual machine between two calls of a progress function; far below a millisecond.
constexpr int kProgressSteps = 10'000;

std::unexpected<std::string> problem(sqlite3* connection) {
  return std::unexpected(std::string(sqlite3_errmsg(connection)));
}

// SQLite would make the file with the process's umask, and its side files like it.
bool file_make(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (fd < 0) return false;
  close(fd);
  return true;
}

}  // namespace

void SqliteStatement::Closer::operator()(sqlite3_stmt* statement) const {
  sqlite3_finalize(statement);
}

SqliteStatement& SqliteStatement::bind(int parameter, int64_t value) {
  const int code = sqlite3_bind_int64(statement_.get(), parameter, value);
  WEIR_CHECK(code == SQLITE_OK);  // fails only for a parameter that is not there
  return *this;
}

SqliteStatement& SqliteStatement::bind(int parameter, std::string_view text) {
  // A null pointer would mean NULL instead of an empty text.
  const char* data = text.data() != nullptr ? text.data() : "";
  const int code = sqlite3_bind_text(statement_.get(), parameter, data,
                                     static_cast<int>(text.size()), SQLITE_STATIC);
  WEIR_CHECK(code == SQLITE_OK);
  return *this;
}

Sqlited<bool> SqliteStatement::step() {
  const int code = sqlite3_step(statement_.get());
  if (code == SQLITE_ROW) return true;
  if (code == SQLITE_DONE) {
    reset();
    return false;
  }
  auto failed = problem(sqlite3_db_handle(statement_.get()));
  reset();
  return failed;
}

Sqlited<void> SqliteStatement::run() {
  const auto done = step();
  reset();
  if (!done) return std::unexpected(done.error());
  return {};
}

void SqliteStatement::reset() { sqlite3_reset(statement_.get()); }

int64_t SqliteStatement::integer(int column) const {
  return sqlite3_column_int64(statement_.get(), column);
}

std::string_view SqliteStatement::text(int column) const {
  const auto* data = reinterpret_cast<const char*>(sqlite3_column_text(statement_.get(), column));
  if (data == nullptr) return {};
  return {data, static_cast<size_t>(sqlite3_column_bytes(statement_.get(), column))};
}

void Sqlite::Closer::operator()(sqlite3* connection) const {
  const int code = sqlite3_close(connection);
  WEIR_CHECK(code == SQLITE_OK);  // a statement outlived its connection
}

Sqlited<Sqlite> Sqlite::open(const std::string& path) {
  if (!path.empty() && !file_make(path)) return std::unexpected(std::string(strerror(errno)));
  Sqlite out;
  sqlite3* connection = nullptr;
  const int code = sqlite3_open_v2(path.empty() ? ":memory:" : path.c_str(), &connection,
                                   SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, nullptr);
  out.connection_.reset(connection);
  if (code != SQLITE_OK) return problem(connection);
  sqlite3_extended_result_codes(connection, 1);
  sqlite3_busy_timeout(connection, kBusyTimeoutMs);
  const auto set = out.execute(
      "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON;"
      "PRAGMA temp_store=MEMORY; PRAGMA journal_size_limit=16777216");
  if (!set) return std::unexpected(set.error());
  return out;
}

Sqlited<void> Sqlite::execute(const std::string& sql) {
  const int code = sqlite3_exec(connection_.get(), sql.c_str(), nullptr, nullptr, nullptr);
  if (code != SQLITE_OK) return problem(connection_.get());
  return {};
}

Sqlited<SqliteStatement> Sqlite::prepare(std::string_view sql) {
  SqliteStatement out;
  sqlite3_stmt* statement = nullptr;
  const int code = sqlite3_prepare_v2(connection_.get(), sql.data(), static_cast<int>(sql.size()),
                                      &statement, nullptr);
  out.statement_.reset(statement);
  if (code != SQLITE_OK) return problem(connection_.get());
  return out;
}

int64_t Sqlite::last_row_id() const { return sqlite3_last_insert_rowid(connection_.get()); }

int64_t Sqlite::changed_rows() const { return sqlite3_changes64(connection_.get()); }

void Sqlite::set_progress(void (*work)(void*), void* context) {
  *progress_ = {work, context};
  const auto call = [](void* progress) {
    const auto* set = static_cast<const Progress*>(progress);
    set->work(set->context);
    return 0;  // go on
  };
  sqlite3_progress_handler(connection_.get(), kProgressSteps, work == nullptr ? nullptr : +call,
                           progress_.get());
}

SqliteTransaction::~SqliteTransaction() {
  // SQLite has rolled back by itself after some errors; then this one says that nothing is open.
  if (open_) static_cast<void>(database_.execute("ROLLBACK"));
}

Sqlited<void> SqliteTransaction::begin() {
  WEIR_CHECK(!open_);
  const auto begun = database_.execute("BEGIN IMMEDIATE");
  open_ = begun.has_value();
  return begun;
}

Sqlited<void> SqliteTransaction::commit() {
  WEIR_CHECK(open_);
  const auto done = database_.execute("COMMIT");
  if (done) open_ = false;
  return done;
}

namespace {

Sqlited<int64_t> schema_version(Sqlite* database, std::string_view component) {
  auto read = database->prepare("SELECT version FROM weir_schema WHERE component = ?");
  if (!read) return std::unexpected(read.error());
  const auto row = read->bind(1, component).step();
  if (!row) return std::unexpected(row.error());
  return *row ? read->integer(0) : 0;
}

Sqlited<void> schema_version_set(Sqlite* database, std::string_view component, int64_t version) {
  auto write = database->prepare("INSERT OR REPLACE INTO weir_schema VALUES (?, ?)");
  if (!write) return std::unexpected(write.error());
  return write->bind(1, component).bind(2, version).run();
}

}  // namespace

Sqlited<void> schema_migrate(Sqlite* database, std::string_view component,
                             std::span<const std::string_view> steps) {
  SqliteTransaction change(database);
  if (const auto begun = change.begin(); !begun) return begun;
  const auto made = database->execute(
      "CREATE TABLE IF NOT EXISTS weir_schema"
      " (component TEXT PRIMARY KEY, version INTEGER NOT NULL) STRICT");
  if (!made) return made;
  const auto version = schema_version(database, component);
  if (!version) return std::unexpected(version.error());
  const auto newest = static_cast<int64_t>(steps.size());
  if (*version > newest || *version < 0) {
    return std::unexpected("the tables of '" + std::string(component) +
                           "' were written by a newer version of weir");
  }
  if (*version == newest) return change.commit();
  for (const std::string_view step : steps.subspan(static_cast<size_t>(*version))) {
    if (const auto done = database->execute(std::string(step)); !done) return done;
  }
  if (const auto set = schema_version_set(database, component, newest); !set) return set;
  return change.commit();
}

}  // namespace weir
