#include "control/policy_table.h"

#include <algorithm>
#include <array>
#include <deque>
#include <optional>
#include <set>
#include <unordered_map>
#include <unordered_set>

#include "base/check.h"

namespace weir {

namespace {

using SubjectSet = std::vector<bool>;  // by number of the subject

// The policies that name one thing, by their subjects' numbers.
struct Rules {
  std::vector<uint32_t> allow, deny;
  [[nodiscard]] bool empty() const { return allow.empty() && deny.empty(); }
  auto operator<=>(const Rules&) const = default;
};

bool hits(const std::vector<uint32_t>& subjects, const SubjectSet& caller) {
  return std::any_of(subjects.begin(), subjects.end(), [&](uint32_t s) { return caller[s]; });
}

// The key of an index that finds ids in either spelling; policy_names() then compares exactly.
std::string folded(std::string_view name) {
  std::string out(name);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c | 0x20);
  }
  return out;
}

void sort_unique(std::vector<uint32_t>* numbers) {
  std::sort(numbers->begin(), numbers->end());
  numbers->erase(std::unique(numbers->begin(), numbers->end()), numbers->end());
}

// A model that a target stands for: the rules about it and about its provider.
struct ModelRules {
  const Rules* model = nullptr;
  const Rules* provider = nullptr;
};

// A route that policies are about.
struct RouteView {
  uint32_t slot = 0;
  std::string environment;
  const Rules* balancer = nullptr;  // empty rules, when there is none
  std::vector<std::vector<ModelRules>> targets;
};

}  // namespace

// All of one tenant: the rules about its things, and its routes.
class PolicyTable::Tenant {
 public:
  void policy_add(const PolicyConfig& policy) {
    const auto subject = policy_subject_parse(policy.subject);
    const auto resource = policy_resource_parse(policy.resource);
    if (!subject || !resource) return;  // refused when it was read
    const uint32_t number = subject_number(*subject);
    const bool deny = policy.effect == "deny";
    if (resource->kind == PolicyKind::kEverything) {
      (deny ? everything_.deny : everything_.allow).push_back(number);
      return;
    }
    const PolicyResource kept{resource->kind, texts_.emplace_back(resource->name)};
    const Statement statement{kept, number, deny};
    if (resource->name == "*") {
      about_all_.push_back(statement);
    } else {
      by_name_[folded(resource->name)].push_back(statement);
    }
  }

  void route_add(const Route& route, const RouteDraft& draft) {
    RouteView view;
    view.slot = route.slot;
    view.environment = route.environment;
    view.targets.resize(route.targets.size());
    const auto& balancer = draft.balancer;
    view.balancer = balancer ? rules_of({.kind = PolicyKind::kBalancer,
                                         .uuid = balancer->uuid,
                                         .name = balancer->name,
                                         .alias = route.name,
                                         .lists_backends = balancer->lists_backends})
                             : &no_rules_;
    bool ruled = !everything_.empty() || !view.balancer->empty();
    for (const auto& [model, member] : draft.models) {
      const ModelRules rules = model_rules(*model, *route.targets[member].provider);
      ruled |= !rules.model->empty() || !rules.provider->empty();
      view.targets[member].push_back(rules);
    }
    stale_.push_back(route.slot);
    if (!ruled) return;
    each_subject(view, [&](uint32_t subject) { touched_[subject].insert(route.slot); });
    const bool is_new = views_.try_emplace(route.slot, std::move(view)).second;
    WEIR_CHECK(is_new);
  }

  void route_drop(uint32_t slot) {
    const auto found = views_.find(slot);
    if (found == views_.end()) return;
    stale_.push_back(slot);
    each_subject(found->second, [&](uint32_t subject) { touched_[subject].erase(slot); });
    views_.erase(found);
  }

  // What tells callers apart: the numbers of the subjects that policies name.
  [[nodiscard]] SubjectSet subjects_of(const PolicyCaller& caller) const {
    SubjectSet set(subjects_.size(), false);
    for (const PolicySubject& subject : policy_subjects_of(caller)) {
      if (const auto found = subjects_.find(subject); found != subjects_.end()) {
        set[found->second] = true;
      }
    }
    return set;
  }
  [[nodiscard]] std::string text_of(const SubjectSet& set) const {
    std::string text;
    for (const auto& [subject, number] : subjects_) {
      if (!set[number]) continue;
      text += std::to_string(static_cast<int>(subject.kind)) + ":" +
              std::to_string(subject.name.size()) + ":" + std::string(subject.name);
    }
    return text;
  }

  // Most routes are the same for a caller as for one whom no policy names but those of everyone.
  [[nodiscard]] Access access(const SubjectSet& set, bool admin, const std::string& environment) {
    std::vector<uint32_t> slots;  // that may differ
    for (const auto& [subject, number] : subjects_) {
      if (!set[number] || subject.kind == SubjectKind::kEveryone) continue;
      if (is_everywhere(number)) {
        slots.clear();
        for (const auto& [slot, view] : views_) slots.push_back(slot);
        break;
      }
      slots.insert(slots.end(), touched_[number].begin(), touched_[number].end());
    }
    sort_unique(&slots);
    Access out = Access::copy_without(base(admin, environment), slots);
    judge(slots, set, admin, environment, &out);
    return out;
  }

  // Slots of the routes that came or went since the last settled().
  [[nodiscard]] const std::vector<uint32_t>& stale() {
    sort_unique(&stale_);
    return stale_;
  }
  // What of these routes such a caller may not use.
  void judge(const std::vector<uint32_t>& slots, const SubjectSet& caller, bool admin,
             const std::string& environment, Access* out) const {
    for (const uint32_t slot : slots) {
      const auto found = views_.find(slot);
      if (found != views_.end()) judge(found->second, caller, admin, environment, out);
    }
  }
  void settled() {
    for (auto& [key, base] : bases_) {
      base = Access::copy_without(base, stale());
      judge(stale(), everyone(), key.second, key.first, &base);
    }
    stale_.clear();
  }

 private:
  struct Statement {
    PolicyResource resource;
    uint32_t subject = 0;
    bool deny = false;
  };

  uint32_t subject_number(const PolicySubject& subject) {
    if (const auto found = subjects_.find(subject); found != subjects_.end()) {
      return found->second;
    }
    const auto number = static_cast<uint32_t>(subjects_.size());
    subjects_.emplace(PolicySubject{subject.kind, texts_.emplace_back(subject.name)}, number);
    touched_.emplace_back();
    return number;
  }

  const Rules* rules_of(const PolicyThing& thing) {
    Rules rules;
    const auto take = [&](const std::vector<Statement>& statements) {
      for (const Statement& one : statements) {
        if (!policy_names(one.resource, thing)) continue;
        (one.deny ? rules.deny : rules.allow).push_back(one.subject);
      }
    };
    take(about_all_);
    if (!by_name_.empty()) {
      for (const std::string_view name : {thing.uuid, thing.name, thing.alias, thing.place}) {
        const auto found = name.empty() ? by_name_.end() : by_name_.find(folded(name));
        if (found != by_name_.end()) take(found->second);
      }
    }
    if (rules.empty()) return &no_rules_;
    sort_unique(&rules.allow);
    sort_unique(&rules.deny);
    return &*rules_.insert(std::move(rules)).first;
  }

  // The model without the names of its provider: that one has rules of its own.
  ModelRules model_rules(const ModelConfig& model, const Provider& provider) {
    place_.assign(model.provider).append("/").append(model.id);
    return {rules_of({.kind = PolicyKind::kModel, .uuid = model.uuid, .alias = model.alias,
                      .place = place_}),
            rules_of({.kind = PolicyKind::kProvider, .uuid = provider.uuid,
                      .name = provider.name})};
  }

  // The subjects of the rules about the route, but for those about everything.
  template <typename Visit>
  void each_subject(const RouteView& view, Visit visit) const {
    const auto all = [&](const Rules& rules) {
      std::for_each(rules.allow.begin(), rules.allow.end(), visit);
      std::for_each(rules.deny.begin(), rules.deny.end(), visit);
    };
    all(*view.balancer);
    for (const auto& models : view.targets) {
      for (const ModelRules& rules : models) {
        all(*rules.model);
        all(*rules.provider);
      }
    }
  }

  [[nodiscard]] bool is_everywhere(uint32_t subject) const {
    const auto in = [&](const std::vector<uint32_t>& list) {
      return std::find(list.begin(), list.end(), subject) != list.end();
    };
    return in(everything_.allow) || in(everything_.deny);
  }

  [[nodiscard]] SubjectSet everyone() const {
    SubjectSet set(subjects_.size(), false);
    if (const auto found = subjects_.find({}); found != subjects_.end()) set[found->second] = true;
    return set;
  }

  [[nodiscard]] const Access& base(bool admin, const std::string& environment) {
    const auto [at, is_new] = bases_.try_emplace({environment, admin});
    if (is_new) {
      const SubjectSet set = everyone();
      for (const auto& [slot, view] : views_) judge(view, set, admin, environment, &at->second);
    }
    return at->second;
  }

  // The three rules of the header.
  [[nodiscard]] bool permitted(const ModelRules& rules, const Rules& balancer,
                               const SubjectSet& caller, bool admin) const {
    const std::array<const Rules*, 3> things = {rules.model, rules.provider, &balancer};
    bool denied = hits(everything_.deny, caller);
    for (const Rules* thing : things) denied |= hits(thing->deny, caller);
    if (denied) return false;
    if (admin || hits(everything_.allow, caller)) return true;
    bool granted = false;
    for (const Rules* thing : things) {
      if (thing->allow.empty()) continue;
      if (!hits(thing->allow, caller)) return false;
      granted = true;
    }
    return granted || everything_.allow.empty();
  }

  void judge(const RouteView& view, const SubjectSet& caller, bool admin,
             const std::string& environment, Access* out) const {
    if (view.environment != environment) return;
    TargetSet excluded;
    for (size_t i = 0; i < view.targets.size(); ++i) {
      const auto& models = view.targets[i];
      const bool any = std::any_of(models.begin(), models.end(), [&](const ModelRules& rules) {
        return permitted(rules, *view.balancer, caller, admin);
      });
      if (!any) excluded.set(i);
    }
    if (excluded.none()) return;
    if (excluded.count() == view.targets.size()) return out->deny(view.slot);
    out->narrow(view.slot, excluded);
  }

  const Rules no_rules_{};
  Rules everything_;
  std::set<Rules> rules_;  // each once, whatever they are about
  std::vector<Statement> about_all_;                                // of a kind
  std::unordered_map<std::string, std::vector<Statement>> by_name_;  // folded
  std::deque<std::string> texts_;  // that statements and subjects borrow
  std::map<PolicySubject, uint32_t> subjects_;
  std::string place_;
  std::unordered_map<uint32_t, RouteView> views_;           // by slot
  std::vector<std::unordered_set<uint32_t>> touched_;       // by subject: slots of its views
  std::map<std::pair<std::string, bool>, Access> bases_;    // by environment and role
  std::vector<uint32_t> stale_;
};

struct PolicyTable::Group : PolicyGroup {
  Tenant* tenant = nullptr;
  SubjectSet set;
  bool admin = false;
  std::string environment;
};

PolicyTable::PolicyTable(std::span<const PolicyConfig* const> policies, PolicyMemory* memory)
    : memory_(*memory) {
  for (const PolicyConfig* policy : policies) {
    if (policy->action != "read") continue;
    auto& tenant = tenants_[policy->tenant];
    if (tenant == nullptr) tenant = std::make_unique<Tenant>();
    tenant->policy_add(*policy);
  }
}

PolicyTable::~PolicyTable() = default;

void PolicyTable::route_add(const Route& route, const RouteDraft& draft) {
  const auto tenant = tenants_.find(route.tenant);
  if (tenant != tenants_.end()) tenant->second->route_add(route, draft);
}

void PolicyTable::route_drop(const Route& route) {
  const auto tenant = tenants_.find(route.tenant);
  if (tenant != tenants_.end()) tenant->second->route_drop(route.slot);
}

bool PolicyTable::settle() {
  bool any = false;
  for (auto& [key, group] : groups_) {
    group->changed = false;
    const std::vector<uint32_t>& stale = group->tenant->stale();
    Access judged;
    group->tenant->judge(stale, group->set, group->admin, group->environment, &judged);
    const bool marked = std::any_of(stale.begin(), stale.end(), [&](uint32_t slot) {
      if (group->access == nullptr) return false;
      const Permit permit = group->access->permit(slot);
      return !permit.allowed || permit.excluded != nullptr;
    });
    if (!marked && judged.empty()) continue;
    Access next = group->access == nullptr ? Access()
                                           : Access::copy_without(*group->access, stale);
    group->tenant->judge(stale, group->set, group->admin, group->environment, &next);
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
  if (tenant == tenants_.end()) return nullptr;
  SubjectSet set = tenant->second->subjects_of(caller);
  const std::string key = std::to_string(caller.tenant.size()) + ":" + caller.tenant +
                          (caller.admin ? "!" : ".") + std::string(environment) + "/" +
                          tenant->second->text_of(set);
  std::shared_ptr<Group>& group = groups_[key];
  if (group != nullptr) return group;
  group = std::make_shared<Group>();
  group->tenant = tenant->second.get();
  group->admin = caller.admin;
  group->environment = environment;
  group->access = record(key, group->tenant->access(set, caller.admin, group->environment));
  group->set = std::move(set);
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
