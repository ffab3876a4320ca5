#include "control/routing_limits.h"

#include <algorithm>

namespace weir {

namespace {

BucketSpec spec_of(const BucketConfig& config) {
  const auto most = static_cast<uint64_t>(BucketSpec::kMaxTokens);
  BucketSpec spec;
  spec.amount = static_cast<int64_t>(std::min(config.amount, most));
  spec.capacity = static_cast<int64_t>(std::min(config.capacity, most));
  spec.duration_ns = static_cast<Nanos>(config.duration_ns);
  return spec;
}

BucketScope scope_of(LimitScope scope) {
  switch (scope) {
    case LimitScope::kTenant:
      return BucketScope::kTenant;
    case LimitScope::kKey:
      return BucketScope::kKey;
    case LimitScope::kProvider:
      return BucketScope::kProvider;
    case LimitScope::kModel:
      return BucketScope::kModel;
  }
  return BucketScope::kTenant;
}

// Stable over reloads and restarts; what stands between two '/' of it cannot be told from outside,
// but a tenant's name holds none.
std::string id_of(LimitScope scope, std::string_view tenant, std::string_view subject,
                  std::string_view unit) {
  static constexpr std::string_view kScopes[] = {"tenant", "key", "provider", "model"};
  std::string id(kScopes[static_cast<size_t>(scope)]);
  id.append("/").append(tenant).append("/").append(subject).append("/").append(unit);
  return id;
}

}  // namespace

void RoutingLimits::add(LimitScope scope, std::string_view tenant, std::string_view subject,
                        LimitSet* out) {
  for (const RateLimitConfig& limit : config_.rate_limits) {
    if (limit.scope != scope || limit.tenant != tenant || limit.subject != subject) continue;
    const auto put = [&](const BucketConfig& config, BucketUnit unit, std::string_view name) {
      Bucket* bucket = registry_.limits().get_or_create(id_of(scope, tenant, subject, name),
                                                        spec_of(config), now_);
      out->add({bucket, scope_of(scope), unit});
    };
    if (limit.request) put(*limit.request, BucketUnit::kRequests, "request");
    if (limit.token) put(*limit.token, BucketUnit::kTokens, "token");
    return;  // a second one for the same scope is refused with the configuration
  }
}

LimitSet RoutingLimits::of_key(std::string_view tenant, std::string_view name) {
  LimitSet out;
  add(LimitScope::kTenant, tenant, "", &out);
  if (!name.empty()) add(LimitScope::kKey, tenant, name, &out);
  return out;
}

LimitSet RoutingLimits::of_alias(std::string_view tenant, std::string_view alias) {
  LimitSet out;
  add(LimitScope::kModel, tenant, alias, &out);
  return out;
}

LimitSet RoutingLimits::of_target(const ModelConfig& model) {
  LimitSet out;
  add(LimitScope::kProvider, model.tenant, model.provider, &out);
  add(LimitScope::kModel, model.tenant, model.provider + "/" + model.id, &out);
  // A bare id that is also an alias is the alias.
  const auto is_alias = [&](const ModelConfig& other) {
    return other.tenant == model.tenant && other.alias == model.id;
  };
  if (std::none_of(config_.models.begin(), config_.models.end(), is_alias)) {
    add(LimitScope::kModel, model.tenant, model.id, &out);
  }
  return out;
}

}  // namespace weir
