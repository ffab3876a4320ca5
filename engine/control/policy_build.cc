#include "control/policy_build.h"

#include <algorithm>
#include <deque>
#include <optional>
#include <unordered_map>

namespace weir {

namespace {

using SubjectSet = std::vector<bool>;  // by number of the subject

constexpr uint32_t kNone = UINT32_MAX;

// The policies that name one thing, by their subjects' numbers.
struct Rules {
  std::vector<uint32_t> allow, deny;
  [[nodiscard]] bool empty() const { return allow.empty() && deny.empty(); }
};

bool hits(const std::vector<uint32_t>& subjects, const SubjectSet& caller) {
  return std::any_of(subjects.begin(), subjects.end(), [&](uint32_t s) { return caller[s]; });
}

// A route as far as policies can see it.
struct RouteView {
  const Route* route = nullptr;
  uint32_t balancer = kNone;
  std::vector<std::vector<uint32_t>> models = {};  // by target: those it stands for
};

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

}  // namespace

// All of one tenant: its things, the rules about them, its routes.
class PolicyBuild::Tenant {
 public:
  Tenant(const Config& config, std::span<const std::shared_ptr<const Route>> routes,
         const std::string& name)
      : config_(config), name_(name) {
    things_collect();
    for (const PolicyConfig& policy : config.policies) {
      if (policy.tenant == name && policy.action == "read") policy_add(policy);
    }
    if (!subjects_.empty()) routes_collect(routes);
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
    auto& base = bases_[{environment, admin}];
    if (!base) {
      SubjectSet everyone(subjects_.size(), false);
      if (const auto found = subjects_.find({}); found != subjects_.end()) {
        everyone[found->second] = true;
      }
      base.emplace();
      for (const RouteView& view : views_) judge(view, everyone, admin, environment, &*base);
    }
    std::vector<uint32_t> views;  // that may differ
    for (const auto& [subject, number] : subjects_) {
      if (!set[number] || subject.kind == SubjectKind::kEveryone) continue;
      views.insert(views.end(), touched_[number].begin(), touched_[number].end());
    }
    sort_unique(&views);
    std::vector<uint32_t> slots;
    for (const uint32_t view : views) slots.push_back(views_[view].route->slot);
    std::sort(slots.begin(), slots.end());
    Access out = Access::copy_without(*base, slots);
    for (const uint32_t view : views) judge(views_[view], set, admin, environment, &out);
    return out;
  }

 private:
  void things_collect() {
    for (const ProviderConfig& provider : config_.providers) {
      if (provider.tenant != name_) continue;
      provider_numbers_[provider.name] = static_cast<uint32_t>(things_.size());
      thing_add({.kind = PolicyKind::kProvider, .uuid = provider.uuid, .name = provider.name});
    }
    for (const ModelConfig& model : config_.models) {
      if (model.tenant == name_) model_add(model);
    }
    for (const BalancerConfig& balancer : config_.balancers) {
      if (balancer.tenant != name_) continue;
      balancer_numbers_[balancer.environment + "/" + balancer.alias] =
          static_cast<uint32_t>(things_.size());
      thing_add({.kind = PolicyKind::kBalancer, .uuid = balancer.uuid, .name = balancer.name,
                 .alias = balancer.alias, .lists_backends = !balancer.backends.empty()});
    }
    rules_.resize(things_.size());
  }

  void thing_add(const PolicyThing& thing, uint32_t provider = kNone) {
    const auto number = static_cast<uint32_t>(things_.size());
    for (const std::string_view name : {thing.uuid, thing.name, thing.alias, thing.place}) {
      if (!name.empty()) by_name_[folded(name)].push_back(number);
    }
    things_.push_back(thing);
    provider_of_.push_back(provider);
  }

  void model_add(const ModelConfig& model) {
    const auto number = static_cast<uint32_t>(things_.size());
    const std::string& place = texts_.emplace_back(model.provider + "/" + model.id);
    const auto provider = provider_numbers_.find(model.provider);
    places_[model.environment + "/" + place].push_back(number);
    if (!model.uuid.empty()) by_uuid_[model.uuid] = number;
    if (!model.alias.empty()) aliases_.insert({model.environment + "/" + model.alias, true});
    // Without the names of its provider: that one has rules of its own.
    thing_add({.kind = PolicyKind::kModel, .uuid = model.uuid, .alias = model.alias,
               .place = place},
              provider == provider_numbers_.end() ? kNone : provider->second);
  }

  uint32_t subject_number(const PolicySubject& subject) {
    return subjects_.try_emplace(subject, static_cast<uint32_t>(subjects_.size())).first->second;
  }

  void policy_add(const PolicyConfig& policy) {
    const auto subject = policy_subject_parse(policy.subject);
    const auto resource = policy_resource_parse(policy.resource);
    if (!subject || !resource) return;  // refused when it was read
    const uint32_t number = subject_number(*subject);
    const auto add = [&](Rules* rules) {
      (policy.effect == "deny" ? rules->deny : rules->allow).push_back(number);
    };
    if (resource->kind == PolicyKind::kEverything) return add(&everything_);
    for (const uint32_t thing : things_named(*resource)) add(&rules_[thing]);
  }

  [[nodiscard]] std::vector<uint32_t> things_named(const PolicyResource& resource) const {
    std::vector<uint32_t> named;
    const auto take = [&](uint32_t thing) {
      if (policy_names(resource, things_[thing])) named.push_back(thing);
    };
    if (resource.name == "*") {
      for (uint32_t i = 0; i < things_.size(); ++i) take(i);
    } else if (const auto found = by_name_.find(folded(resource.name)); found != by_name_.end()) {
      std::for_each(found->second.begin(), found->second.end(), take);
    }
    sort_unique(&named);
    return named;
  }

  void routes_collect(std::span<const std::shared_ptr<const Route>> routes) {
    touched_.resize(subjects_.size());
    for (const auto& route : routes) {
      if (route->tenant == name_) view_add(*route);
    }
    for (std::vector<uint32_t>& views : touched_) sort_unique(&views);
  }

  void view_add(const Route& route) {
    RouteView view{.route = &route};
    const std::string key = route.environment + "/" + route.name;
    const auto balancer = balancer_numbers_.find(key);
    if (balancer != balancer_numbers_.end()) view.balancer = balancer->second;
    const bool exact = view.balancer != kNone || aliases_.contains(key);
    for (const Target& target : route.targets) {
      view.models.push_back(models_of(target, route.environment, exact));
    }
    const auto number = static_cast<uint32_t>(views_.size());
    const auto touch = [&](const Rules& rules) {
      for (const uint32_t subject : rules.allow) touched_[subject].push_back(number);
      for (const uint32_t subject : rules.deny) touched_[subject].push_back(number);
      return !rules.empty();
    };
    bool ruled = touch(everything_);
    if (view.balancer != kNone) ruled |= touch(rules_[view.balancer]);
    for (const auto& models : view.models) {
      for (const uint32_t model : models) {
        ruled |= touch(rules_[model]);
        const uint32_t provider = provider_of_[model];
        if (provider != kNone) ruled |= touch(rules_[provider]);
      }
    }
    if (ruled) views_.push_back(std::move(view));
  }

  // An alias names one model for each target; other names stand for all that are at the place.
  [[nodiscard]] std::vector<uint32_t> models_of(const Target& target,
                                                const std::string& environment,
                                                bool exact) const {
    if (exact) {
      const auto found = by_uuid_.find(target.uuid);
      if (found != by_uuid_.end()) return {found->second};
    }
    const auto found = places_.find(environment + "/" + target.provider->name + "/" +
                                    target.model);
    return found == places_.end() ? std::vector<uint32_t>() : found->second;
  }

  // The three rules of the header.
  [[nodiscard]] bool permitted(uint32_t model, uint32_t balancer, const SubjectSet& caller,
                               bool admin) const {
    const uint32_t things[] = {model, provider_of_[model], balancer};
    bool denied = hits(everything_.deny, caller);
    for (const uint32_t thing : things) {
      denied |= thing != kNone && hits(rules_[thing].deny, caller);
    }
    if (denied) return false;
    if (admin || hits(everything_.allow, caller)) return true;
    bool granted = false;
    for (const uint32_t thing : things) {
      if (thing == kNone || rules_[thing].allow.empty()) continue;
      if (!hits(rules_[thing].allow, caller)) return false;
      granted = true;
    }
    return granted || everything_.allow.empty();
  }

  void judge(const RouteView& view, const SubjectSet& caller, bool admin,
             const std::string& environment, Access* out) const {
    if (view.route->environment != environment) return;
    TargetSet excluded;
    for (size_t i = 0; i < view.models.size(); ++i) {
      const auto& models = view.models[i];
      const bool any = std::any_of(models.begin(), models.end(), [&](uint32_t model) {
        return permitted(model, view.balancer, caller, admin);
      });
      if (!any) excluded.set(i);
    }
    if (excluded.none()) return;
    if (excluded.count() == view.models.size()) return out->deny(view.route->slot);
    out->narrow(view.route->slot, excluded);
  }

  const Config& config_;
  const std::string name_;
  std::vector<PolicyThing> things_;
  std::vector<Rules> rules_;  // by thing
  Rules everything_;
  std::deque<std::string> texts_;  // that things_ borrows
  std::map<PolicySubject, uint32_t> subjects_;
  std::unordered_map<std::string, uint32_t> provider_numbers_, by_uuid_, balancer_numbers_;
  std::vector<uint32_t> provider_of_;  // by thing: of a model, its provider
  std::unordered_map<std::string, std::vector<uint32_t>> by_name_;  // folded
  std::unordered_map<std::string, std::vector<uint32_t>> places_;  // environment/provider/id
  std::unordered_map<std::string, bool> aliases_;                  // environment/alias
  std::vector<RouteView> views_;                 // the routes that policies are about
  std::vector<std::vector<uint32_t>> touched_;   // by subject: views whose rules name it
  std::map<std::pair<std::string, bool>, std::optional<Access>> bases_;
};

PolicyBuild::PolicyBuild(const Config& config,
                         std::span<const std::shared_ptr<const Route>> routes,
                         PolicyMemory* memory)
    : memory_(*memory) {
  for (const PolicyConfig& policy : config.policies) {
    if (policy.action != "read" || tenants_.contains(policy.tenant)) continue;
    tenants_[policy.tenant] = std::make_unique<Tenant>(config, routes, policy.tenant);
  }
}

PolicyBuild::~PolicyBuild() = default;

std::shared_ptr<const Access> PolicyBuild::access_of(const PolicyCaller& caller,
                                                     const std::string& environment) {
  const auto tenant = tenants_.find(caller.tenant);
  if (tenant == tenants_.end()) return nullptr;
  const SubjectSet set = tenant->second->subjects_of(caller);
  const std::string key = std::to_string(caller.tenant.size()) + ":" + caller.tenant +
                          (caller.admin ? "!" : ".") + environment + "/" +
                          tenant->second->text_of(set);
  const auto [made, is_new] = made_.try_emplace(key);
  if (!is_new) return made->second;
  Access access = tenant->second->access(set, caller.admin, environment);
  access.finish(memory_.last_id_ + 1);
  if (access.empty()) return nullptr;
  const auto former = memory_.last_.find(key);
  if (former != memory_.last_.end() && former->second != nullptr &&
      former->second->same_content(access)) {
    made->second = former->second;
  } else {
    ++memory_.last_id_;
    made->second = std::make_shared<const Access>(std::move(access));
  }
  return made->second;
}

void PolicyBuild::keep() { memory_.last_ = std::move(made_); }

}  // namespace weir
