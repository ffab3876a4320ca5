// The management store: the catalog's API objects in SQLite, beside the tables of usage.
//
// A batch: change catalog(), then commit(), which writes everything that was touched in one
// transaction and returns when it is safe on the disk; or rollback(), which takes all of it back.
// What commit() could not write is still in the catalog afterwards: roll back then. Credentials are
// sealed, keys are digests. Control thread.
#pragma once

#include <memory>
#include <string>

#include "control/secret/sealer.h"
#include "control/store/catalog.h"
#include "control/store/sqlite.h"

namespace weir {

class Store {
 public:
  // An empty path keeps everything in memory. `options` must outlive the store. The error is one
  // line.
  [[nodiscard]] static Sqlited<std::unique_ptr<Store>> open(
      const std::string& path, std::shared_ptr<const Sealer> sealer, const ConfigOptions* options);

  [[nodiscard]] Catalog& catalog() { return catalog_; }
  [[nodiscard]] const Catalog& catalog() const { return catalog_; }
  [[nodiscard]] Cataloged<void> commit();
  void rollback() { catalog_.undo_to(0); }

 private:
  struct Statements {
    SqliteStatement put, drop;
  };
  Store(Sqlite database, std::shared_ptr<const Sealer> sealer, const ConfigOptions* options)
      : database_(std::move(database)), sealer_(std::move(sealer)), catalog_(options) {}
  [[nodiscard]] Sqlited<void> load();
  [[nodiscard]] Sqlited<void> row_load(const SqliteStatement& row);
  template <typename T>
  [[nodiscard]] Sqlited<void> object_load(const SqliteStatement& row);
  [[nodiscard]] Sqlited<void> write();
  [[nodiscard]] Sqlited<void> object_write(const Catalog::Touched& touched);

  Sqlite database_;
  std::optional<Statements> statements_;  // after the connection: destroyed before it
  std::shared_ptr<const Sealer> sealer_;
  Catalog catalog_;
};

}  // namespace weir
