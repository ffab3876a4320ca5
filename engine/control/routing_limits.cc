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
                        std::string_view lasting, SlotLeases* leases, LimitSet* out) {
  const RateLimitConfig* limit = source_.limit(scope, tenant, subject);
  if (limit == nullptr) return;
  const auto put = [&](const BucketConfig& config, BucketUnit unit, std::string_view name) {
    Bucket* bucket =
        registry_.bucket(id_of(scope, tenant, lasting, name), spec_of(config), now_, leases);
    out->add({bucket, scope_of(scope), unit});
  };
  if (limit->request) put(*limit->request, BucketUnit::kRequests, "request");
  if (limit->token) put(*limit->token, BucketUnit::kTokens, "token");
}

LimitSet RoutingLimits::of_key(std::string_view tenant, std::string_view name,
                               SlotLeases* leases) {
  LimitSet out;
  add(LimitScope::kTenant, tenant, "", "", leases, &out);
  if (!name.empty()) add(LimitScope::kKey, tenant, name, name, leases, &out);
  return out;
}

LimitSet RoutingLimits::of_alias(std::string_view tenant, std::string_view alias,
                                 SlotLeases* leases) {
  LimitSet out;
  add(LimitScope::kModel, tenant, alias, alias, leases, &out);
  return out;
}

LimitSet RoutingLimits::of_target(const ModelConfig& model, std::string_view provider_uuid,
                                  SlotLeases* leases) {
  LimitSet out;
  if (!source_.has_limits()) return out;
  const std::string provider(provider_uuid.empty() ? model.provider : provider_uuid);
  add(LimitScope::kProvider, model.tenant, model.provider, provider, leases, &out);
  add(LimitScope::kModel, model.tenant, model.provider + "/" + model.id, provider + "/" + model.id,
      leases, &out);
  // A bare id that is also an alias is the alias.
  if (source_.limit(LimitScope::kModel, model.tenant, model.id) != nullptr &&
      !source_.is_alias(model.tenant, model.id)) {
    add(LimitScope::kModel, model.tenant, model.id, model.id, leases, &out);
  }
  return out;
}

}  // namespace weir
