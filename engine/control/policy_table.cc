#include "control/policy_table.h"

#include <algorithm>

#include "control/name_key.h"
#include "control/policy_tenant.h"

namespace weir {

struct PolicyTable::Group : PolicyGroup {
  PolicyTenant* tenant = nullptr;
  PolicySubjects subjects;
  bool admin = false;
  std::string environment;
};

PolicyTable::PolicyTable(std::span<const PolicyConfig* const> policies, PolicyMemory* memory)
    : memory_(*memory) {
  std::set<std::string> all;
  for (const PolicyConfig* policy : policies) all.insert(policy->tenant);
  policies_set(policies, all);
}

PolicyTable::~PolicyTable() = default;

PolicyTenant& PolicyTable::tenant(const std::string& name) {
  auto& tenant = tenants_[name];
  if (tenant == nullptr) tenant = std::make_unique<PolicyTenant>(&places_);
  return *tenant;
}

void PolicyTable::policies_set(std::span<const PolicyConfig* const> policies,
                               const std::set<std::string>& tenants) {
  for (const std::string& name : tenants) tenant(name).policies_clear();
  for (const PolicyConfig* policy : policies) {
    if (policy->action == "read" && tenants.contains(policy->tenant)) {
      tenant(policy->tenant).policy_add(*policy);
    }
  }
  for (const std::string& name : tenants) {
    PolicyTenant& changed = tenant(name);
    changed.policies_done();
    std::erase_if(groups_, [&](const auto& group) { return group.second->tenant == &changed; });
  }
}

void PolicyTable::route_add(const Route& route, const RouteDraft& draft) {
  tenant(route.tenant).route_add(route, draft);
}

void PolicyTable::route_drop(const Route& route) { tenant(route.tenant).route_drop(route.slot); }

bool PolicyTable::settle() {
  bool any = false;
  for (auto& [key, group] : groups_) {
    group->changed = false;
    const std::vector<uint32_t>& stale = group->tenant->stale();
    Access judged;
    group->tenant->judge(stale, group->subjects, group->admin, group->environment, &judged);
    const bool marked = std::any_of(stale.begin(), stale.end(), [&](uint32_t slot) {
      if (group->access == nullptr) return false;
      const Permit permit = group->access->permit(slot);
      return !permit.allowed || permit.excluded != nullptr;
    });
    if (!marked && judged.empty()) continue;
    Access next = group->access == nullptr ? Access()
                                           : Access::copy_without(*group->access, stale);
    group->tenant->judge(stale, group->subjects, group->admin, group->environment, &next);
    auto made = record(key, std::move(next));
    group->changed = made != group->access;
    any |= group->changed;
    group->access = std::move(made);
  }
  for (auto& [name, tenant] : tenants_) tenant->settled();
  return any;
}

std::shared_ptr<const PolicyGroup> PolicyTable::group_of(const PolicyCaller& caller,
                                                         std::string_view environment) {
  const auto tenant = tenants_.find(caller.tenant);
  if (tenant == tenants_.end() || !tenant->second->has_policies()) return nullptr;
  PolicySubjects subjects = tenant->second->subjects_of(caller);
  const std::string key = name_key({caller.tenant, caller.admin ? "admin" : "user", environment}) +
                          tenant->second->text_of(subjects);
  std::shared_ptr<Group>& group = groups_[key];
  if (group != nullptr) return group;
  group = std::make_shared<Group>();
  group->tenant = tenant->second.get();
  group->admin = caller.admin;
  group->environment = environment;
  group->access = record(key, group->tenant->access(subjects, caller.admin, environment));
  group->subjects = std::move(subjects);
  return group;
}

std::shared_ptr<const Access> PolicyTable::record(const std::string& key, Access access) {
  access.finish(memory_.last_id_ + 1);
  if (access.empty()) return nullptr;
  const auto former = memory_.last_.find(key);
  if (former != memory_.last_.end() && former->second != nullptr &&
      former->second->same_content(access)) {
    return former->second;
  }
  ++memory_.last_id_;
  return std::make_shared<const Access>(std::move(access));
}

void PolicyTable::keep() {
  std::erase_if(groups_, [](const auto& group) { return group.second.use_count() == 1; });
  memory_.last_.clear();
  for (const auto& [key, group] : groups_) memory_.last_[key] = group->access;
}

}  // namespace weir
