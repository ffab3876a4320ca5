#include "control/store/catalog.h"

#include <algorithm>
#include <set>
#include <type_traits>

#include "base/check.h"
#include "control/digest.h"
#include "control/object_ids.h"
#include "control/name_key.h"

namespace weir {

namespace {

std::string index_text(std::string_view what, std::string_view tenant, std::string_view name) {
  return name_key({what, tenant, name});
}

// What the object says about itself twice.
template <typename T>
void config_follow(T* object) {
  if constexpr (requires { object->config.uuid; }) {
    object->config.uuid = object->uuid;
    object->config.tenant = object->tenant;
  }
  if constexpr (std::is_same_v<T, ModelObject>) {
    constexpr uint64_t kBehindTheFile = uint64_t{1} << 32;
    object->config.metadata_json = object->metadata_json;
    object->config.created_unix_s = object->created_unix_s;
    object->config.rank = object->order + (object->from_file ? 0 : kBehindTheFile);
  }
}

std::string_view scope_text(LimitScope scope) {
  static constexpr std::string_view kNames[] = {"tenant", "key", "provider", "model"};
  return kNames[static_cast<size_t>(scope)];
}

std::string subject_text(const LimitObject& limit) {
  const std::string& subject = !limit.target.empty()         ? limit.target
                               : !limit.subject_uuid.empty() ? limit.subject_uuid
                                                             : limit.config.subject;
  return name_key({"subject", limit.tenant, scope_text(limit.config.scope), subject});
}

std::string policy_text(const PolicyObject& policy) {
  const PolicyConfig& config = policy.config;
  return name_key({"policy", policy.tenant, config.action, config.effect, config.resource,
                   config.subject});
}

// Under which texts an object is looked for. The first one lists a tenant's.
std::vector<IndexKey> index_keys(const TenantObject& tenant) {
  return {{index_text("all", tenant.tenant, "")}, {index_text("name", tenant.tenant, ""), true}};
}
std::vector<IndexKey> index_keys(const ProviderObject& provider) {
  return {{index_text("all", provider.tenant, "")},
          {index_text("name", provider.tenant, provider.config.name), true}};
}
std::vector<IndexKey> index_keys(const ModelObject& model) {
  const ModelConfig& config = model.config;
  std::vector<IndexKey> keys = {
      {index_text("all", model.tenant, "")},
      {index_text("id", model.tenant, config.id)},
      {index_text("place", model.tenant, config.provider + "/" + config.id)},
      {index_text("provider", "", model.provider_uuid)},
      {name_key({"same", model.tenant, config.environment, model.provider_uuid, config.id,
                 config.alias}),
       true}};
  if (!config.alias.empty()) {
    keys.push_back({index_text("alias", model.tenant, config.alias)});
    keys.push_back({name_key({"group", model.tenant, config.environment, config.alias})});
  }
  return keys;
}
std::vector<IndexKey> index_keys(const BalancerObject& balancer) {
  std::vector<IndexKey> keys = {
      {index_text("all", balancer.tenant, "")},
      {index_text("alias", balancer.tenant, balancer.config.alias)},
      {name_key({"same", balancer.tenant, balancer.config.environment, balancer.config.alias}),
       true}};
  for (const BackendObject& backend : balancer.backends) {
    keys.push_back({index_text("backend", "", backend.model_uuid)});
  }
  return keys;
}
std::vector<IndexKey> index_keys(const LimitObject& limit) {
  std::vector<IndexKey> keys = {{index_text("all", limit.tenant, "")},
                                {subject_text(limit), true}};
  if (!limit.subject_uuid.empty()) keys.push_back({index_text("of", "", limit.subject_uuid)});
  return keys;
}
std::vector<IndexKey> index_keys(const PolicyObject& policy) {
  return {{index_text("all", policy.tenant, "")},
          {policy_text(policy), true},
          {index_text("names", policy.tenant, policy.config.resource)},
          {index_text("names", policy.tenant, policy.config.subject)}};
}
std::vector<IndexKey> index_keys(const KeyObject& key) {
  std::vector<IndexKey> keys = {{index_text("all", key.tenant, "")},
                                {index_text("name", key.tenant, key.config.name), true},
                                {index_text("digest", "", key.config.sha256), true}};
  const std::string& previous = key.config.previous_sha256;
  if (!previous.empty()) keys.push_back({index_text("digest", "", previous), true});
  return keys;
}

template <typename T>
constexpr ObjectKind kind_of() {
  if constexpr (std::is_same_v<T, TenantObject>) return ObjectKind::kTenant;
  if constexpr (std::is_same_v<T, ProviderObject>) return ObjectKind::kProvider;
  if constexpr (std::is_same_v<T, ModelObject>) return ObjectKind::kModel;
  if constexpr (std::is_same_v<T, BalancerObject>) return ObjectKind::kBalancer;
  if constexpr (std::is_same_v<T, LimitObject>) return ObjectKind::kLimit;
  if constexpr (std::is_same_v<T, PolicyObject>) return ObjectKind::kPolicy;
  if constexpr (std::is_same_v<T, KeyObject>) return ObjectKind::kKey;
}

std::string rival_message(const TenantObject& rival) {
  return "There is a tenant " + message_quote(rival.tenant) + " already.";
}
std::string rival_message(const ProviderObject& rival) {
  return "There is a provider " + message_quote(rival.config.name) + " already.";
}
std::string rival_message(const ModelObject& rival) {
  return "The provider has the model " + message_quote(rival.config.id) +
         (rival.config.alias.empty() ? " without an alias" : " under this alias") + " already.";
}
std::string rival_message(const BalancerObject& rival) {
  return "The alias " + message_quote(rival.config.alias) + " has a load balancer already.";
}
std::string rival_message(const LimitObject& rival) {
  return "There is a rate limit for this " + std::string(scope_text(rival.config.scope)) +
         " already: " + rival.uuid + ". Change that one.";
}
std::string rival_message(const PolicyObject& rival) {
  return "The same policy is there already: " + rival.uuid + ".";
}
std::string rival_message(const KeyObject& rival) {
  return "There is a key " + message_quote(rival.config.name) + " with this name or value already.";
}

}  // namespace

std::string_view object_kind_name(ObjectKind kind) {
  static constexpr std::string_view kNames[] = {"tenant",     "provider", "model", "load_balancer",
                                                "rate_limit", "policy",   "key"};
  static_assert(std::size(kNames) == kObjectKinds);
  return kNames[static_cast<size_t>(kind)];
}

Catalog::Catalog(const ConfigOptions* options) : options_(*options) {}

const TenantObject* Catalog::tenant(std::string_view name) const {
  return table<TenantObject>().oldest(index_text("name", name, ""));
}

const ProviderObject* Catalog::provider(std::string_view tenant, std::string_view name) const {
  if (const auto* found = find<ProviderObject>(tenant, name)) return found;
  return table<ProviderObject>().oldest(index_text("name", tenant, name));
}

const ModelObject* Catalog::model(std::string_view tenant, std::string_view name) const {
  if (const auto* found = find<ModelObject>(tenant, name)) return found;
  for (const std::string_view what : {"alias", "place", "id"}) {
    if (const auto* found = table<ModelObject>().oldest(index_text(what, tenant, name))) {
      return found;
    }
  }
  return nullptr;
}

const ModelObject* Catalog::model_in(std::string_view tenant, std::string_view environment,
                                     std::string_view name) const {
  if (const auto* found = find<ModelObject>(tenant, name)) return found;
  for (const std::string_view what : {"alias", "place", "id"}) {
    for (const auto* found : table<ModelObject>().all(index_text(what, tenant, name))) {
      if (found->config.environment == environment) return found;
    }
  }
  return nullptr;
}

const BalancerObject* Catalog::balancer(std::string_view tenant, std::string_view name) const {
  if (const auto* found = find<BalancerObject>(tenant, name)) return found;
  return table<BalancerObject>().oldest(index_text("alias", tenant, name));
}

const KeyObject* Catalog::key(std::string_view tenant, std::string_view name) const {
  if (const auto* found = find<KeyObject>(tenant, name)) return found;
  return table<KeyObject>().oldest(index_text("name", tenant, name));
}

const LimitObject* Catalog::limit(const LimitObject& same_subject) const {
  return table<LimitObject>().oldest(subject_text(same_subject));
}

const PolicyObject* Catalog::policy(const PolicyObject& same) const {
  return table<PolicyObject>().oldest(policy_text(same));
}

const KeyObject* Catalog::key_by_digest(std::string_view sha256_hex) const {
  return table<KeyObject>().oldest(index_text("digest", "", sha256_hex));
}

std::vector<const ModelObject*> Catalog::models_of(std::string_view provider_uuid) const {
  return table<ModelObject>().all(index_text("provider", "", provider_uuid));
}

std::vector<const ModelObject*> Catalog::models_by_alias(std::string_view tenant,
                                                         std::string_view alias) const {
  return table<ModelObject>().all(index_text("alias", tenant, alias));
}

std::vector<const ModelObject*> Catalog::models_by_id(std::string_view tenant,
                                                      std::string_view id) const {
  return table<ModelObject>().all(index_text("id", tenant, id));
}

const BalancerObject* Catalog::balancer_of(std::string_view tenant, std::string_view environment,
                                           std::string_view alias) const {
  return table<BalancerObject>().oldest(name_key({"same", tenant, environment, alias}));
}

std::vector<const ModelObject*> Catalog::models_at(std::string_view tenant,
                                                   std::string_view place) const {
  return table<ModelObject>().all(index_text("place", tenant, place));
}

bool Catalog::alias_known(std::string_view tenant, std::string_view alias) const {
  return table<ModelObject>().count(index_text("alias", tenant, alias)) != 0 ||
         table<BalancerObject>().count(index_text("alias", tenant, alias)) != 0;
}

size_t Catalog::alias_size(std::string_view tenant, std::string_view environment,
                           std::string_view alias) const {
  return table<ModelObject>().count(name_key({"group", tenant, environment, alias}));
}

std::vector<const BalancerObject*> Catalog::balancers_with(std::string_view model_uuid) const {
  return table<BalancerObject>().all(index_text("backend", "", model_uuid));
}

template <typename T>
std::vector<const T*> Catalog::list(std::string_view tenant) const {
  std::vector<const T*> out = table<T>().all(index_text("all", tenant, ""));
  std::reverse(out.begin(), out.end());
  return out;
}

bool Catalog::orphaned(const ModelObject& model) const {
  return by_uuid<ProviderObject>(model.provider_uuid) == nullptr;
}

bool Catalog::orphaned(const LimitObject& limit) const {
  const std::string& subject = limit.subject_uuid;
  if (subject.empty()) return false;
  switch (limit.config.scope) {
    case LimitScope::kTenant:
      return false;
    case LimitScope::kKey:
      return by_uuid<KeyObject>(subject) == nullptr;
    case LimitScope::kProvider:
      return by_uuid<ProviderObject>(subject) == nullptr;
    case LimitScope::kModel: {
      const auto* model = by_uuid<ModelObject>(subject);
      return model == nullptr || orphaned(*model);
    }
  }
  return false;
}

bool Catalog::orphaned(const BalancerObject& balancer) const {
  const BalancerConfig& config = balancer.config;
  if (balancer.backends.empty()) {
    return alias_size(balancer.tenant, config.environment, config.alias) == 0;
  }
  return std::all_of(balancer.backends.begin(), balancer.backends.end(),
                     [this](const BackendObject& backend) {
                       const auto* model = by_uuid<ModelObject>(backend.model_uuid);
                       return model == nullptr || orphaned(*model);
                     });
}

template <typename T>
Cataloged<const T*> Catalog::create(T object, int64_t now_unix_s) {
  constexpr ObjectKind kKind = kind_of<T>();
  if (table<T>().size() >= kMaxObjects[static_cast<size_t>(kKind)]) {
    return std::unexpected(CatalogError{
        CatalogErrc::kFull, kKind,
        "There are as many objects of the kind " + std::string(object_kind_name(kKind)) +
            " as there may be; delete some.",
        ""});
  }
  if constexpr (kKind != ObjectKind::kTenant) {
    if (tenant(object.tenant) == nullptr) {
      return std::unexpected(CatalogError{CatalogErrc::kNotFound, ObjectKind::kTenant,
                                          "There is no such tenant.", ""});
    }
  }
  object.uuid = kKind == ObjectKind::kTenant ? tenant_uuid(object.tenant) : uuid_random();
  object.created_unix_s = object.updated_unix_s = now_unix_s;
  object.order = next_order_++;
  object.from_file = false;
  return settle_and_put(std::move(object));
}

template <typename T>
Cataloged<const T*> Catalog::update(T object, int64_t now_unix_s) {
  const auto before = changeable<T>(object.tenant, object.uuid);
  if (!before) return std::unexpected(before.error());
  object.created_unix_s = (*before)->created_unix_s;
  object.order = (*before)->order;
  object.updated_unix_s = now_unix_s;
  object.from_file = false;
  return settle_and_put(std::move(object));
}

template <typename T>
Cataloged<const T*> Catalog::changeable(std::string_view tenant, std::string_view uuid) const {
  constexpr ObjectKind kKind = kind_of<T>();
  const std::string name(object_kind_name(kKind));
  const T* found = find<T>(tenant, uuid);
  if (found == nullptr) {
    return std::unexpected(CatalogError{CatalogErrc::kNotFound, kKind,
                                        "There is no such " + name + ".", ""});
  }
  if (found->from_file && kKind != ObjectKind::kTenant) {
    return std::unexpected(CatalogError{
        CatalogErrc::kManagedByFile, kKind,
        "This " + name + " comes from the configuration file; change it there and reload.", ""});
  }
  return found;
}

template <typename T>
Cataloged<const T*> Catalog::settle_and_put(T object) {
  config_follow(&object);
  if (const auto settled = settle(&object); !settled) return std::unexpected(settled.error());
  std::vector<IndexKey> keys = index_keys(object);
  if (const T* rival = table<T>().rival(object, keys)) {
    return std::unexpected(
        CatalogError{CatalogErrc::kConflict, kind_of<T>(), rival_message(*rival), ""});
  }
  log_put<T>(object.uuid);
  const T* stored = own<T>().put(std::move(object), std::move(keys));
  if constexpr (std::is_same_v<T, ProviderObject>) renamed(*stored);
  return stored;
}

template <typename T>
Cataloged<void> Catalog::remove(std::string_view tenant, std::string_view uuid) {
  const auto found = changeable<T>(tenant, uuid);
  if (!found) return std::unexpected(found.error());
  if constexpr (std::is_same_v<T, TenantObject>) {
    if (const auto may = may_remove(**found); !may) return may;
  }
  const T object = **found;
  drop<T>(uuid);
  cascade(object);
  return {};
}

template <typename T>
void Catalog::put_again(T object) {
  config_follow(&object);
  std::vector<IndexKey> keys = index_keys(object);
  log_put<T>(object.uuid);
  own<T>().put(std::move(object), std::move(keys));
}

template <typename T>
std::expected<void, std::string> Catalog::put_from_file(T object) {
  config_follow(&object);
  std::vector<IndexKey> keys = index_keys(object);
  if (const T* rival = table<T>().rival(object, keys)) {
    return std::unexpected("clashes with the " + std::string(object_kind_name(kind_of<T>())) +
                           " " + rival->uuid + " that was made over the API: " +
                           rival_message(*rival) + " Rename or delete one of them.");
  }
  log_put<T>(object.uuid);
  own<T>().put(std::move(object), std::move(keys));
  return {};
}

template <typename T>
void Catalog::log_put(const std::string& uuid) {
  Change change{{kind_of<T>(), uuid}, {}};
  if (const T* before = table<T>().find(uuid)) change.before = *before;
  log_.push_back(std::move(change));
}

template <typename T>
void Catalog::drop(std::string_view uuid) {
  const T* before = table<T>().find(uuid);
  if (before == nullptr) return;
  log_.push_back({{kind_of<T>(), before->uuid}, *before});
  const std::string kept = before->uuid;  // `uuid` may be a part of what is erased
  own<T>().erase(kept);
}

template <typename T>
void Catalog::load(T object) {
  next_order_ = std::max(next_order_, object.order + 1);
  config_follow(&object);
  std::vector<IndexKey> keys = index_keys(object);
  own<T>().put(std::move(object), std::move(keys));
}

void Catalog::undo_to(size_t mark) {
  WEIR_CHECK(mark <= log_.size());
  while (log_.size() > mark) {
    Change change = std::move(log_.back());
    log_.pop_back();
    const auto restore = [this, &change]<typename T>(T*) {
      own<T>().erase(change.ref.uuid);
      if (!std::holds_alternative<T>(change.before)) return;
      T object = std::get<T>(std::move(change.before));
      std::vector<IndexKey> keys = index_keys(object);
      own<T>().put(std::move(object), std::move(keys));
    };
    object_kind_visit(change.ref.kind, restore);
  }
}

void Catalog::drop_pointing_at(std::string_view tenant, std::string_view prefix,
                               std::string_view uuid) {
  for (const LimitObject* limit : table<LimitObject>().all(index_text("of", "", uuid))) {
    if (!limit->from_file) drop<LimitObject>(limit->uuid);
  }
  for (const std::string& name : {std::string(prefix) + std::string(uuid), std::string(uuid)}) {
    for (const auto* policy : table<PolicyObject>().all(index_text("names", tenant, name))) {
      if (!policy->from_file) drop<PolicyObject>(policy->uuid);
    }
  }
}

std::vector<Catalog::Touched> Catalog::touched() const {
  std::vector<Touched> out;
  std::set<ObjectRef> seen;
  for (const Change& change : log_) {
    // The first change of an object knows what there was before.
    if (!seen.insert(change.ref).second) continue;
    const bool of_api = std::visit(
        []<typename T>(const T& object) {
          if constexpr (std::is_same_v<T, std::monostate>) {
            return false;
          } else {
            return !object.from_file;
          }
        },
        change.before);
    out.push_back({change.ref, of_api});
  }
  return out;
}

#define WEIR_FOR_KIND(T)                                                              \
  template std::vector<const T*> Catalog::list<T>(std::string_view) const;            \
  template Cataloged<const T*> Catalog::create<T>(T, int64_t);                        \
  template Cataloged<const T*> Catalog::update<T>(T, int64_t);                        \
  template Cataloged<void> Catalog::remove<T>(std::string_view, std::string_view);    \
  template Cataloged<const T*> Catalog::settle_and_put<T>(T);                         \
  template std::expected<void, std::string> Catalog::put_from_file<T>(T);             \
  template void Catalog::put_again<T>(T);                                             \
  template void Catalog::drop<T>(std::string_view);                                   \
  template void Catalog::load<T>(T)
WEIR_FOR_KIND(TenantObject);
WEIR_FOR_KIND(ProviderObject);
WEIR_FOR_KIND(ModelObject);
WEIR_FOR_KIND(BalancerObject);
WEIR_FOR_KIND(LimitObject);
WEIR_FOR_KIND(PolicyObject);
WEIR_FOR_KIND(KeyObject);
#undef WEIR_FOR_KIND

}  // namespace weir
