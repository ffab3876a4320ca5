// A thin owner of an SQLite connection, its statements and transactions, and the versions of the
// tables that each part of the control plane keeps in the one file.
//
// The caller uses a connection and its statements from one thread at a time, and destroys the
// statements first. Text that is bound is borrowed until the statement is reset. Errors are one
// line. Opened in WAL mode with synchronous=FULL: what is committed survives a loss of power.
#pragma once

#include <cstdint>
#include <expected>
#include <memory>
#include <span>
#include <string>
#include <string_view>

struct sqlite3;
struct sqlite3_stmt;

namespace weir {

template <typename T>
using Sqlited = std::expected<T, std::string>;

class SqliteStatement {
 public:
  // Parameters and columns are counted from 1 and from 0, as SQLite does.
  SqliteStatement& bind(int parameter, int64_t value);
  SqliteStatement& bind(int parameter, std::string_view text);
  // True: there is a row. False: done. The statement is reset when it is done or has failed.
  [[nodiscard]] Sqlited<bool> step();
  // For statements without rows; also the way to end one whose rows are not all wanted.
  [[nodiscard]] Sqlited<void> run();
  void reset();
  [[nodiscard]] int64_t integer(int column) const;
  [[nodiscard]] std::string_view text(int column) const;  // until the next step

 private:
  friend class Sqlite;
  struct Closer {
    void operator()(sqlite3_stmt* statement) const;
  };
  std::unique_ptr<sqlite3_stmt, Closer> statement_;
};

class Sqlite {
 public:
  // Makes the file with mode 0600 when it is not there; an empty path is a database in memory.
  [[nodiscard]] static Sqlited<Sqlite> open(const std::string& path);
  [[nodiscard]] Sqlited<void> execute(const std::string& sql);
  [[nodiscard]] Sqlited<SqliteStatement> prepare(std::string_view sql);
  [[nodiscard]] int64_t last_row_id() const;
  [[nodiscard]] int64_t changed_rows() const;  // by the last statement
  // Calls `work` now and then while a statement runs, until it is set to null. It must not use the
  // connection.
  void set_progress(void (*work)(void*), void* context);

 private:
  struct Closer {
    void operator()(sqlite3* connection) const;
  };
  std::unique_ptr<sqlite3, Closer> connection_;
  struct Progress {
    void (*work)(void*) = nullptr;
    void* context = nullptr;
  };
  std::unique_ptr<Progress> progress_ = std::make_unique<Progress>();  // SQLite keeps its address
};

// Takes the write lock; rolled back unless committed.
class SqliteTransaction {
 public:
  explicit SqliteTransaction(Sqlite* database) : database_(*database) {}
  ~SqliteTransaction();
  SqliteTransaction(const SqliteTransaction&) = delete;
  SqliteTransaction& operator=(const SqliteTransaction&) = delete;

  [[nodiscard]] Sqlited<void> begin();
  [[nodiscard]] Sqlited<void> commit();

 private:
  Sqlite& database_;
  bool open_ = false;
};

// Brings the tables of one component to version steps.size(): runs the steps that the file has not
// seen, in one transaction. A file of a newer version is refused. A step that was released is never
// changed; a new one is added behind it.
[[nodiscard]] Sqlited<void> schema_migrate(Sqlite* database, std::string_view component,
                                           std::span<const std::string_view> steps);

}  // namespace weir
