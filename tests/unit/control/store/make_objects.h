// Objects for tests of the store, with as little in them as may be.
#pragma once

#include <string>

#include "control/store/objects.h"
#include "../fake_worker.h"

namespace weir::test {

inline ProviderObject provider_object(std::string name, std::string key = "sk-planted") {
  ProviderObject provider;
  provider.config.name = std::move(name);
  provider.config.type = "openai";
  provider.data = {{"apikey", Secret(std::move(key))}, {"base_url", Secret("http://h/v1")}};
  return provider;
}

inline ModelObject model_object(const std::string& provider_uuid, std::string id,
                                std::string alias = "") {
  ModelObject model;
  model.provider_uuid = provider_uuid;
  model.config.id = std::move(id);
  model.config.alias = std::move(alias);
  return model;
}

inline BalancerObject balancer_object(std::string alias, std::vector<BackendObject> backends) {
  BalancerObject balancer;
  balancer.config.alias = std::move(alias);
  balancer.backends = std::move(backends);
  return balancer;
}

inline LimitObject limit_object(LimitScope scope, std::string subject_uuid,
                                uint64_t capacity = 10) {
  LimitObject limit;
  limit.config.scope = scope;
  limit.subject_uuid = std::move(subject_uuid);
  limit.config.request = BucketConfig{capacity, capacity, 1'000'000'000};
  return limit;
}

inline PolicyObject policy_object(std::string resource, std::string subject = "*") {
  PolicyObject policy;
  policy.config.action = "read";
  policy.config.resource = std::move(resource);
  policy.config.subject = std::move(subject);
  return policy;
}

inline KeyObject key_object(std::string name, char digit) {
  KeyObject key;
  key.config.name = std::move(name);
  key.config.sha256 = std::string(64, digit);
  return key;
}

}  // namespace weir::test
