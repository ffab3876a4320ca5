#include "control/store/store.h"

#include "control/secret/reseal.h"
#include "control/store/object_fields.h"

namespace weir {

namespace {

// Fields are added to `body` without a step of their own: object_fields.h.
constexpr std::string_view kSchema[] = {
    "CREATE TABLE object ("
    " uuid TEXT PRIMARY KEY, kind TEXT NOT NULL, tenant TEXT NOT NULL,"
    " created INTEGER NOT NULL, updated INTEGER NOT NULL, seq INTEGER NOT NULL,"
    " body TEXT NOT NULL CHECK (json_valid(body)),"
    " sealed TEXT NOT NULL"  // credentials; empty: none
    ") STRICT, WITHOUT ROWID"};

std::string secret_owner(std::string_view uuid) {
  return "object/" + std::string(uuid) + "/secrets";
}

ObjectKind kind_named(std::string_view name, bool* known) {
  for (size_t i = 0; i < kObjectKinds; ++i) {
    const auto kind = static_cast<ObjectKind>(i);
    if (object_kind_name(kind) == name) return kind;
  }
  *known = false;
  return ObjectKind::kTenant;
}

}  // namespace

Sqlited<std::unique_ptr<Store>> Store::open(const std::string& path,
                                            std::shared_ptr<const Sealer> sealer,
                                            const ConfigOptions* options) {
  auto database = Sqlite::open(path);
  if (!database) return std::unexpected(database.error());
  if (const auto made = schema_migrate(&*database, "objects", kSchema); !made) {
    return std::unexpected(made.error());
  }
  std::unique_ptr<Store> store(new Store(std::move(*database), std::move(sealer), options));
  if (const auto loaded = store->load(); !loaded) return std::unexpected(loaded.error());
  auto put = store->database_.prepare(
      "INSERT INTO object (uuid, kind, tenant, created, updated, seq, body, sealed)"
      " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)"
      " ON CONFLICT (uuid) DO UPDATE SET updated = ?5, body = ?7, sealed = ?8");
  if (!put) return std::unexpected(put.error());
  auto drop = store->database_.prepare("DELETE FROM object WHERE uuid = ?");
  if (!drop) return std::unexpected(drop.error());
  store->statements_ = Statements{std::move(*put), std::move(*drop)};
  const auto sealed = rows_reseal(&store->database_, *store->sealer_,
                                  "SELECT uuid, sealed FROM object WHERE sealed <> ''",
                                  "UPDATE object SET sealed = ?2 WHERE uuid = ?1", secret_owner);
  if (!sealed) return std::unexpected(sealed.error());
  return store;
}

Sqlited<void> Store::load() {
  auto read = database_.prepare(
      "SELECT uuid, kind, tenant, created, updated, seq, body, sealed FROM object");
  if (!read) return std::unexpected(read.error());
  for (;;) {
    const auto row = read->step();
    if (!row) return std::unexpected(row.error());
    if (!*row) return {};
    if (const auto loaded = row_load(*read); !loaded) {
      return std::unexpected("the object " + std::string(read->text(0)) + ": " + loaded.error());
    }
  }
}

Sqlited<void> Store::row_load(const SqliteStatement& row) {
  bool known = true;
  const ObjectKind kind = kind_named(row.text(1), &known);
  if (!known) return std::unexpected(std::string("is of a kind that this weir does not know"));
  Sqlited<void> done;
  object_kind_visit(kind, [&]<typename T>(T*) { done = object_load<T>(row); });
  return done;
}

template <typename T>
Sqlited<void> Store::object_load(const SqliteStatement& row) {
  T object;
  object.uuid = row.text(0);
  object.tenant = row.text(2);
  object.created_unix_s = row.integer(3);
  object.updated_unix_s = row.integer(4);
  object.order = static_cast<uint64_t>(row.integer(5));
  if (const auto read = object_read_body(row.text(6), &object); !read) return read;
  if constexpr (std::is_same_v<T, ProviderObject>) {
    if (!row.text(7).empty()) {
      const auto opened = sealer_->open(row.text(7), secret_owner(object.uuid));
      if (!opened) return std::unexpected(opened.error());
      const auto read = object_read_secrets(opened->reveal(), &object);
      if (!read) return read;
    }
  }
  catalog_.load(std::move(object));
  return {};
}

Cataloged<void> Store::commit() {
  if (const auto written = write(); !written) {
    return std::unexpected(CatalogError{
        CatalogErrc::kStorage, ObjectKind::kTenant,
        "The change could not be written to the database, nothing was changed: " + written.error(),
        ""});
  }
  catalog_.accept();
  return {};
}

Sqlited<void> Store::write() {
  const std::vector<Catalog::Touched> touched = catalog_.touched();
  if (touched.empty()) return {};
  SqliteTransaction change(&database_);
  if (const auto begun = change.begin(); !begun) return begun;
  for (const Catalog::Touched& object : touched) {
    if (const auto written = object_write(object); !written) return written;
  }
  return change.commit();
}

Sqlited<void> Store::object_write(const Catalog::Touched& touched) {
  const ObjectRef& ref = touched.ref;
  Sqlited<void> done;
  object_kind_visit(ref.kind, [&]<typename T>(T*) {
    const T* object = catalog_.by_uuid<T>(ref.uuid);
    if (object == nullptr || object->from_file) {  // what the file has is not kept
      if (touched.was_of_api) done = statements_->drop.bind(1, ref.uuid).run();
      return;
    }
    const std::string body = object_body(*object);
    std::string sealed;
    if constexpr (std::is_same_v<T, ProviderObject>) {
      const std::string secrets = object_secrets(*object);
      if (!secrets.empty()) sealed = sealer_->seal(secrets, secret_owner(ref.uuid));
    }
    done = statements_->put.bind(1, ref.uuid)
               .bind(2, object_kind_name(ref.kind))
               .bind(3, object->tenant)
               .bind(4, object->created_unix_s)
               .bind(5, object->updated_unix_s)
               .bind(6, static_cast<int64_t>(object->order))
               .bind(7, body)
               .bind(8, sealed)
               .run();
  });
  return done;
}

}  // namespace weir
