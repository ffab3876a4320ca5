// The truth about what the API manages, in memory: objects of the API and of the configuration
// file, with the rules that hold between them.
//
// Changes happen in batches: each is remembered until accept(), and undo_to() takes back what was
// done since a mark(), so that one refused call leaves nothing and a batch that cannot be written
// or routed leaves everything as it was. Store keeps the catalog and the database the same.
// Pointers that are handed out last until the next change. Control thread.
//
// Rules. Unique: a provider's and a key's name in its tenant; a key's digest everywhere; a model's
// (provider, id, alias, environment); one balancer per alias and environment; one limit per scope
// and subject; a policy as a whole. Removing a provider removes its models; removing anything
// removes the limits and policies that name it by uuid, and a model leaves the balancers that list
// it (one that listed no other is removed). Removing a tenant removes all that the API made in it.
// What came from the file is never changed here, and no object of the file is removed with another.
#pragma once

#include <array>
#include <expected>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <tuple>
#include <variant>
#include <vector>

#include "control/config_check.h"
#include "control/store/object_table.h"
#include "control/store/objects.h"

namespace weir {

enum class CatalogErrc : uint8_t {
  kNotFound,
  kConflict,
  kManagedByFile,
  kInvalid,
  kFull,     // as many objects of the kind as there may be
  kStorage,  // the database refused; nothing was changed
};

struct CatalogError {
  CatalogErrc code = CatalogErrc::kInvalid;
  ObjectKind kind = ObjectKind::kTenant;  // of the object that is missing or in the way
  std::string message;
  std::string param;  // the field, as the API names it; may be empty
};
template <typename T>
using Cataloged = std::expected<T, CatalogError>;

struct ObjectRef {
  ObjectKind kind = ObjectKind::kTenant;
  std::string uuid;
  auto operator<=>(const ObjectRef&) const = default;
};

class Catalog {
 public:
  // How many objects of each kind there may be, the file's included.
  static constexpr std::array<size_t, kObjectKinds> kMaxObjects = {
      1'000, 10'000, 50'000, 10'000, 50'000, 20'000, 50'000};
  // Characters of any name, id, alias, resource or subject.
  static constexpr size_t kMaxName = 256;

  // `options` must outlive this; with its adapters a provider's settings are checked.
  explicit Catalog(const ConfigOptions* options);

  // Looking. A name where a uuid may stand too: the uuid goes first. Null: none in that tenant.
  template <typename T>
  [[nodiscard]] const T* find(std::string_view tenant, std::string_view uuid) const {
    const T* object = table<T>().find(uuid);
    return object != nullptr && object->tenant == tenant ? object : nullptr;
  }
  template <typename T>
  [[nodiscard]] const T* by_uuid(std::string_view uuid) const {
    return table<T>().find(uuid);
  }
  [[nodiscard]] const TenantObject* tenant(std::string_view name) const;
  [[nodiscard]] const ProviderObject* provider(std::string_view tenant,
                                               std::string_view uuid_or_name) const;
  // By uuid, else alias, else "provider/id", else upstream id; the oldest of several.
  [[nodiscard]] const ModelObject* model(std::string_view tenant, std::string_view name) const;
  // The same among the models of one environment.
  [[nodiscard]] const ModelObject* model_in(std::string_view tenant, std::string_view environment,
                                            std::string_view name) const;
  [[nodiscard]] const BalancerObject* balancer(std::string_view tenant,
                                               std::string_view uuid_or_alias) const;
  [[nodiscard]] const BalancerObject* balancer_of(std::string_view tenant,
                                                  std::string_view environment,
                                                  std::string_view alias) const;
  [[nodiscard]] const KeyObject* key(std::string_view tenant,
                                     std::string_view uuid_or_name) const;
  [[nodiscard]] const LimitObject* limit(const LimitObject& same_subject) const;
  [[nodiscard]] const PolicyObject* policy(const PolicyObject& same) const;
  [[nodiscard]] const KeyObject* key_by_digest(std::string_view sha256_hex) const;
  [[nodiscard]] std::vector<const ModelObject*> models_of(std::string_view provider_uuid) const;
  // By one name, the oldest first.
  [[nodiscard]] std::vector<const ModelObject*> models_by_alias(std::string_view tenant,
                                                                std::string_view alias) const;
  [[nodiscard]] std::vector<const ModelObject*> models_by_id(std::string_view tenant,
                                                             std::string_view id) const;
  // By the provider's name and the upstream id, with a slash between them; the oldest first.
  [[nodiscard]] std::vector<const ModelObject*> models_at(std::string_view tenant,
                                                          std::string_view place) const;
  [[nodiscard]] bool alias_known(std::string_view tenant, std::string_view alias) const;
  [[nodiscard]] std::vector<const BalancerObject*> balancers_with(
      std::string_view model_uuid) const;
  // Of one tenant, the newest first.
  template <typename T>
  [[nodiscard]] std::vector<const T*> list(std::string_view tenant) const;
  template <typename T>
  [[nodiscard]] const ObjectTable<T>& table() const {
    return std::get<ObjectTable<T>>(tables_);
  }
  // What it stands under or points at is not there (it left the file): shown, not routed.
  [[nodiscard]] bool orphaned(const ModelObject& model) const;
  [[nodiscard]] bool orphaned(const LimitObject& limit) const;
  [[nodiscard]] bool orphaned(const BalancerObject& balancer) const;

  // Changing. create() gives uuid and times, and names in `config` that follow from a uuid;
  // update() takes the whole new object by its uuid and tenant. T: every kind of objects.h.
  template <typename T>
  [[nodiscard]] Cataloged<const T*> create(T object, int64_t now_unix_s);
  template <typename T>
  [[nodiscard]] Cataloged<const T*> update(T object, int64_t now_unix_s);
  template <typename T>
  [[nodiscard]] Cataloged<void> remove(std::string_view tenant, std::string_view uuid);
  // Replaces the objects of the file; `config` has its ids. The error is one line: a name that the
  // API gave away already.
  [[nodiscard]] std::expected<void, std::string> set_file(const Config& config,
                                                          int64_t now_unix_s);
  // An object as the database has it.
  template <typename T>
  void load(T object);

  // Batches.
  [[nodiscard]] size_t mark() const { return log_.size(); }
  void undo_to(size_t mark);  // not past the last accept()
  void accept() { log_.clear(); }
  struct Touched {
    ObjectRef ref;
    bool was_of_api = false;  // before: so the database has it
  };
  // Since the last accept(), each once.
  [[nodiscard]] std::vector<Touched> touched() const;
  // The same with the objects: visit(const T* before, const T* now); null: not there.
  template <typename Visit>
  void each_touched(Visit visit) const {
    std::set<ObjectRef> seen;
    for (const Change& change : log_) {
      if (!seen.insert(change.ref).second) continue;
      object_kind_visit(change.ref.kind, [&]<typename T>(T*) {
        visit(std::get_if<T>(&change.before), by_uuid<T>(change.ref.uuid));
      });
    }
  }

 private:
  using AnyObject = std::variant<std::monostate, TenantObject, ProviderObject, ModelObject,
                                 BalancerObject, LimitObject, PolicyObject, KeyObject>;
  struct Change {
    ObjectRef ref;
    AnyObject before;
  };
  template <typename T>
  ObjectTable<T>& own() {
    return std::get<ObjectTable<T>>(tables_);
  }
  template <typename T>
  [[nodiscard]] Cataloged<const T*> changeable(std::string_view tenant,
                                               std::string_view uuid) const;
  template <typename T>
  [[nodiscard]] Cataloged<const T*> settle_and_put(T object);
  template <typename T>
  [[nodiscard]] std::expected<void, std::string> put_from_file(T object);
  template <typename T>
  void log_put(const std::string& uuid);
  template <typename T>
  void put_again(T object);  // nothing that must be unique has changed
  template <typename T>
  void drop(std::string_view uuid);
  // How many models are in the group of the alias, in its environment.
  [[nodiscard]] size_t alias_size(std::string_view tenant, std::string_view environment,
                                  std::string_view alias) const;
  // Fills in what follows from other objects, and refuses what no other object may say.
  [[nodiscard]] Cataloged<void> settle(TenantObject* object) const;
  [[nodiscard]] Cataloged<void> settle(ProviderObject* object) const;
  [[nodiscard]] Cataloged<void> settle(ModelObject* object) const;
  [[nodiscard]] Cataloged<void> settle(BalancerObject* object) const;
  [[nodiscard]] Cataloged<void> settle(LimitObject* object) const;
  [[nodiscard]] Cataloged<void> settle(PolicyObject* object) const;
  [[nodiscard]] Cataloged<void> settle(KeyObject* object) const;
  [[nodiscard]] Cataloged<void> may_remove(const TenantObject& tenant) const;
  void cascade(const TenantObject& tenant);
  void cascade(const ProviderObject& provider);
  void cascade(const ModelObject& model);
  void cascade(const BalancerObject& balancer);
  void cascade(const KeyObject& key);
  void cascade(const LimitObject&) {}
  void cascade(const PolicyObject&) {}
  // Limits of the object, and policies about it.
  void drop_pointing_at(std::string_view tenant, std::string_view prefix, std::string_view uuid);
  template <typename T>
  void drop_all(std::string_view tenant);
  void renamed(const ProviderObject& provider);
  // The creation times of what it drops, by uuid.
  using Births = std::map<std::string, int64_t, std::less<>>;
  template <typename T>
  void file_drop(Births* births);
  [[nodiscard]] std::expected<void, std::string> file_put(const Config& config,
                                                          const Births& births, int64_t now);

  const ConfigOptions& options_;
  bool deny_private_ = false;
  std::tuple<ObjectTable<TenantObject>, ObjectTable<ProviderObject>, ObjectTable<ModelObject>,
             ObjectTable<BalancerObject>, ObjectTable<LimitObject>, ObjectTable<PolicyObject>,
             ObjectTable<KeyObject>>
      tables_;
  std::vector<Change> log_;
  uint64_t next_order_ = 1;
};

}  // namespace weir
