#include "control/policy.h"

#include <gtest/gtest.h>

#include <iterator>
#include <map>
#include <random>

#include "control/object_ids.h"
#include "control/policy_table.h"
#include "../route/route_fixture.h"

namespace weir {
namespace {

constexpr char kUuid[] = "0b6a5f3e-5a5c-5d3a-9d55-0123456789ab";
constexpr char kUuidUpper[] = "0B6A5F3E-5A5C-5D3A-9D55-0123456789AB";

PolicyConfig policy(std::string effect, std::string resource, std::string subject,
                    std::string action = "read") {
  PolicyConfig out;
  out.action = std::move(action);
  out.effect = std::move(effect);
  out.resource = std::move(resource);
  out.subject = std::move(subject);
  return out;
}

TEST(Policy, ReadsResources) {
  const auto parse = [](std::string_view text) { return policy_resource_parse(text); };
  EXPECT_EQ(parse("*"), (PolicyResource{PolicyKind::kEverything, "*"}));
  EXPECT_EQ(parse("model:p/a/b"), (PolicyResource{PolicyKind::kModel, "p/a/b"}));
  EXPECT_EQ(parse("model:*"), (PolicyResource{PolicyKind::kModel, "*"}));
  EXPECT_EQ(parse("provider:my p"), (PolicyResource{PolicyKind::kProvider, "my p"}));
  EXPECT_EQ(parse("load_balancer:x"), (PolicyResource{PolicyKind::kBalancer, "x"}));
  EXPECT_EQ(parse(kUuid), (PolicyResource{PolicyKind::kAnyUuid, kUuid}));
  for (const char* bad : {"", "model:", "chat", "models:chat", "0b6a5f3e-5a5c-5d3a-9d55"}) {
    EXPECT_EQ(parse(bad), std::nullopt) << bad;
  }
}

TEST(Policy, ReadsSubjects) {
  const auto parse = [](std::string_view text) { return policy_subject_parse(text); };
  EXPECT_EQ(parse("*"), (PolicySubject{SubjectKind::kEveryone, ""}));
  EXPECT_EQ(parse("key:app"), (PolicySubject{SubjectKind::kKey, "app"}));
  EXPECT_EQ(parse("user:ann"), (PolicySubject{SubjectKind::kUser, "ann"}));
  for (const char* same : {"group:x", "x", "AccessGroupId-x", "group:AccessGroupId-x"}) {
    EXPECT_EQ(parse(same), (PolicySubject{SubjectKind::kGroup, "x"})) << same;
  }
  for (const char* bad : {"", "key:", "user:", "group:", "AccessGroupId-"}) {
    EXPECT_EQ(parse(bad), std::nullopt) << bad;
  }
}

TEST(Policy, OnlyADenyRefusesAnAdminsWrite) {
  PolicyCaller admin{.key_uuid = kUuid, .key_name = "ops", .groups = {"AccessGroupId-g"}};
  admin.admin = true;
  const PolicyThing model{.uuid = "11111111-1111-1111-1111-111111111111", .alias = "chat",
                           .place = "p/m", .provider_name = "p"};
  const auto denies = [&](const PolicyConfig& one) {
    return policy_denies_write({&one, 1}, admin, model);
  };
  for (const char* resource : {"*", "model:chat", "model:p/m", "model:*", "provider:p",
                               "11111111-1111-1111-1111-111111111111"}) {
    for (const char* subject : {"*", "key:ops", kUuidUpper, "g", "group:g"}) {
      const bool named = subject != std::string_view(kUuidUpper);  // as a group, that is nobody
      EXPECT_EQ(denies(policy("deny", resource, subject, "write")), named) << resource << subject;
      EXPECT_FALSE(denies(policy("allow", resource, subject, "write")));
      EXPECT_FALSE(denies(policy("deny", resource, subject, "read")));
    }
  }
  EXPECT_FALSE(denies(policy("deny", "model:other", "*", "write")));
  EXPECT_FALSE(denies(policy("deny", "load_balancer:chat", "*", "write")));
  PolicyConfig other_tenant = policy("deny", "*", "*", "write");
  other_tenant.tenant = "other";
  EXPECT_FALSE(denies(other_tenant));
}

// A configuration of a few things and the routes that lead to them.
struct Plan {
  Config config;
  std::vector<std::shared_ptr<const Route>> routes;
  std::vector<std::shared_ptr<const Provider>> providers;
  PolicyMemory memory;

  void provider_add(const std::string& name) {
    config.providers.emplace_back().name = name;
    auto provider = std::make_shared<Provider>();
    provider->name = name;
    providers.push_back(std::move(provider));
  }
  void model_add(const std::string& provider, const std::string& id, const std::string& alias) {
    ModelConfig& model = config.models.emplace_back();
    model.provider = provider;
    model.id = id;
    model.alias = alias;
  }
  BalancerConfig& balancer_add(const std::string& alias, std::vector<std::string> backends = {}) {
    BalancerConfig& balancer = config.balancers.emplace_back();
    balancer.alias = alias;
    for (std::string& model : backends) balancer.backends.emplace_back().model = std::move(model);
    return balancer;
  }

  void provider_fill(Target* target, const ModelConfig& model) const {
    target->uuid = model.uuid;
    target->model = model.id;
    for (const auto& provider : providers) {
      if (provider->name == model.provider) target->provider = provider;
    }
  }
  // Every name of the configuration, with what its route is made from.
  void each_route(auto visit) const {
    const RoutingObjects objects = RoutingObjects::of(config);
    const ConfigSource source(objects);
    RouteDraft draft;
    for (size_t i = 0; i < source.name_count(); ++i) {
      if (route_draft(source, source.name(i), source.holders(i), &draft)) visit(draft);
    }
  }
  void routes_make() {
    object_ids_fill(&config);
    each_route([this](const RouteDraft& draft) {
      auto route = std::make_shared<Route>();
      route->name = draft.key.name;
      route->tenant = draft.key.tenant;
      route->environment = draft.key.environment;
      route->slot = static_cast<uint32_t>(routes.size());
      for (const RouteMember& member : draft.members) {
        provider_fill(&route->targets.emplace_back(), *member.model);
      }
      routes.push_back(std::move(route));
    });
  }
  // What the policies make of the routes. `early` is known when half of them come, as in an update,
  // and other policies hold until then.
  [[nodiscard]] std::unique_ptr<PolicyTable> table(const PolicyCaller* early = nullptr) {
    const RoutingObjects objects = RoutingObjects::of(config);
    const PolicyConfig former = policy("deny", "model:*", "h");
    std::vector<const PolicyConfig*> first = objects.policies;
    if (early != nullptr) {
      first.resize(first.size() / 2);
      first.push_back(&former);
    }
    auto out = std::make_unique<PolicyTable>(first, &memory);
    size_t at = 0;
    each_route([&](const RouteDraft& draft) {
      if (early != nullptr && at == routes.size() / 2) {
        (void)out->settle();
        (void)out->group_of(*early, kProduction);
        out->policies_set(objects.policies, {kDefaultTenant});
        (void)out->group_of(*early, kProduction);
      }
      out->route_add(*routes[at++], draft);
    });
    (void)out->settle();
    return out;
  }

  [[nodiscard]] const Route& route(const std::string& name) const {
    for (const auto& one : routes) {
      if (one->name == name) return *one;
    }
    std::abort();
  }
  [[nodiscard]] std::shared_ptr<const Access> access(const PolicyCaller& caller) {
    const auto made = table();
    const auto group = made->group_of(caller, kProduction);
    made->keep();
    return group == nullptr ? nullptr : group->access;
  }
  [[nodiscard]] bool may(const PolicyCaller& caller, const std::string& name) {
    Principal who;
    who.access = access(caller);
    return permit_of(who, route(name)).allowed;
  }
};

// chat: a/m and b/m; slow: b/s; a/m once more under the alias "other"; fast: a balancer over b/s.
Plan small_plan() {
  Plan plan;
  plan.provider_add("a");
  plan.provider_add("b");
  plan.model_add("a", "m", "chat");
  plan.model_add("b", "m", "chat");
  plan.model_add("b", "s", "slow");
  plan.model_add("a", "m", "other");
  plan.balancer_add("fast", {"b/s"}).name = "quick";
  plan.routes_make();
  return plan;
}

PolicyCaller caller(std::string group, bool admin = false) {
  PolicyCaller out;
  out.key_name = "k-" + group;
  out.groups = {std::move(group)};
  out.admin = admin;
  return out;
}

TEST(PolicyTable, WithoutPoliciesNothingIsCompiled) {
  Plan plan = small_plan();
  EXPECT_EQ(plan.access(caller("x")), nullptr);
  plan.config.policies = {policy("deny", "*", "*", "write")};
  EXPECT_EQ(plan.access(caller("x")), nullptr);
  // A policy that narrows nothing for this caller costs it nothing either.
  plan.config.policies = {policy("deny", "model:chat", "y")};
  EXPECT_EQ(plan.access(caller("x")), nullptr);
  EXPECT_NE(plan.access(caller("y")), nullptr);
}

TEST(PolicyTable, AnAllowClosesToOthersButNotToAdmins) {
  Plan plan = small_plan();
  plan.config.policies = {policy("allow", "model:chat", "x")};
  EXPECT_TRUE(plan.may(caller("x"), "chat"));
  EXPECT_FALSE(plan.may(caller("y"), "chat"));
  EXPECT_FALSE(plan.may(caller("y"), "b/m"));   // by another name it is the same model
  EXPECT_TRUE(plan.may(caller("y"), "slow"));
  EXPECT_TRUE(plan.may(caller("y"), "a/m"));    // "other" is at that place too, and open
  EXPECT_TRUE(plan.may(caller("y", true), "chat"));
}

TEST(PolicyTable, ADenyBindsAdminsAndGoesBeforeAllow) {
  Plan plan = small_plan();
  plan.config.policies = {policy("allow", "model:chat", "x"), policy("deny", "provider:b", "x")};
  const Access& access = *plan.access(caller("x", true));
  const Route& chat = plan.route("chat");
  ASSERT_TRUE(access.permit(chat.slot).allowed);
  ASSERT_NE(access.permit(chat.slot).excluded, nullptr);
  EXPECT_EQ(access.permit(chat.slot).excluded->to_ulong(), 2u);  // b/m alone
  EXPECT_FALSE(access.permit(plan.route("slow").slot).allowed);
  EXPECT_FALSE(access.permit(plan.route("fast").slot).allowed);
  EXPECT_EQ(access.permit(plan.route("a/m").slot).excluded, nullptr);
}

TEST(PolicyTable, ABalancerIsAThingOfItsOwn) {
  Plan plan = small_plan();
  for (const char* name : {"load_balancer:fast", "load_balancer:quick", "model:fast"}) {
    plan.config.policies = {policy("deny", name, "x")};
    EXPECT_FALSE(plan.may(caller("x"), "fast")) << name;
    EXPECT_TRUE(plan.may(caller("x"), "slow")) << name;
  }
}

TEST(PolicyTable, AllowOfEverythingClosesWhatNothingElseOpens) {
  Plan plan = small_plan();
  plan.config.policies = {policy("allow", "*", "all"), policy("allow", "model:chat", "x"),
                          policy("allow", "load_balancer:fast", "y"),
                          policy("allow", "provider:b", "z")};
  for (const char* name : {"chat", "slow", "fast", "other"}) {
    EXPECT_TRUE(plan.may(caller("all"), name)) << name;
    EXPECT_FALSE(plan.may(caller("nobody"), name)) << name;
  }
  EXPECT_TRUE(plan.may(caller("x"), "chat"));   // by a/m: provider b is closed to x
  EXPECT_FALSE(plan.may(caller("x"), "b/m"));
  EXPECT_FALSE(plan.may(caller("x"), "slow"));
  EXPECT_FALSE(plan.may(caller("y"), "fast"));  // likewise
  EXPECT_TRUE(plan.may(caller("z"), "slow"));
  EXPECT_FALSE(plan.may(caller("z"), "other"));
}

TEST(PolicyTable, EqualCallersShareARecordThatOutlivesABuild) {
  Plan plan = small_plan();
  plan.config.policies = {policy("allow", "model:chat", "x")};
  const auto first_table = plan.table();
  const auto group = first_table->group_of(caller("y"), kProduction);
  EXPECT_EQ(first_table->group_of(caller("z"), kProduction), group);
  first_table->keep();
  const auto first = group->access;
  EXPECT_EQ(plan.access(caller("w")), first);
  // Another content, another id; the sandbox is another place.
  plan.config.policies.push_back(policy("deny", "model:slow", "*"));
  const auto second = plan.access(caller("y"));
  EXPECT_NE(second->id(), first->id());
  plan.config.policies.pop_back();
  EXPECT_NE(plan.access(caller("y"))->id(), second->id());
}

// The rules of policy_table.h once more, the slow way: every policy against every model.
class Naive {
 public:
  Naive(const Plan& plan, const PolicyCaller& who) : plan_(plan), who_(who) {}

  [[nodiscard]] TargetSet excluded(const Route& route) const {
    TargetSet out;
    for (size_t i = 0; i < route.targets.size(); ++i) {
      bool any = false;
      for (const ModelConfig& model : plan_.config.models) {
        any |= stands_for(route, route.targets[i], model) && permitted(model, route.name);
      }
      if (!any) out.set(i);
    }
    return out;
  }

 private:
  [[nodiscard]] bool stands_for(const Route& route, const Target& target,
                                const ModelConfig& model) const {
    bool exact = false;
    for (const auto& one : plan_.config.models) exact |= one.alias == route.name;
    for (const auto& one : plan_.config.balancers) exact |= one.alias == route.name;
    if (exact) return model.uuid == target.uuid;
    return model.provider == target.provider->name && model.id == target.model;
  }
  [[nodiscard]] bool named(const PolicyConfig& one) const {
    const std::string& s = one.subject;
    return s == "*" || s == "key:" + who_.key_name || s == "user:" + who_.user ||
           std::find(who_.groups.begin(), who_.groups.end(), s) != who_.groups.end();
  }
  // 'm', 'p', 'b': which of the three the policy is about; '*': all; 0: none of them.
  [[nodiscard]] char about(const std::string& r, const ModelConfig& model,
                           const std::string& called) const {
    if (r == "*") return '*';
    if (r == model.uuid || r == "model:" + model.uuid || r == "model:" + model.alias ||
        r == "model:" + model.provider + "/" + model.id || r == "model:*") {
      return 'm';
    }
    if (r == "provider:" + model.provider || r == "provider:*") return 'p';
    for (const BalancerConfig& balancer : plan_.config.balancers) {
      if (balancer.alias != called) continue;
      if (r == "load_balancer:" + called || r == "load_balancer:*" || r == balancer.uuid) {
        return 'b';
      }
      if (r == "model:" + called && !balancer.backends.empty()) return 'b';
    }
    return 0;
  }
  [[nodiscard]] bool permitted(const ModelConfig& model, const std::string& called) const {
    std::map<char, bool> closed, opened;
    for (const PolicyConfig& one : plan_.config.policies) {
      const char thing = about(one.resource, model, called);
      if (thing == 0) continue;
      if (one.effect == "deny" && named(one)) return false;
      if (one.effect != "allow") continue;
      closed[thing] = true;
      opened[thing] |= named(one);
    }
    if (who_.admin || opened['*']) return true;
    for (const char thing : {'m', 'p', 'b'}) {
      if (closed[thing] && !opened[thing]) return false;
    }
    return !closed['*'] || opened['m'] || opened['p'] || opened['b'];
  }

  const Plan& plan_;
  const PolicyCaller& who_;
};

// Goal: the compiled records and the slow evaluation agree. Method: random things, policies and
// callers, few of each so that they meet often.
TEST(PolicyTable, AgreesWithTheSlowEvaluation) {
  std::mt19937_64 random(test_seed());
  const auto pick = [&](const auto& list) -> const auto& {
    return list[random_below(random, std::size(list))];
  };
  const std::vector<std::string> subjects = {"*", "g", "h", "key:k", "user:u", "i"};
  for (int round = 0; round < 300; ++round) {
    Plan plan;
    for (const char* name : {"a", "b", "c"}) plan.provider_add(name);
    std::map<std::string, bool> taken;
    for (uint64_t i = 1 + random_below(random, 7); i > 0; --i) {
      const std::string provider = pick(std::vector<std::string>{"a", "b", "c"});
      const std::string id = pick(std::vector<std::string>{"m", "n"});
      const std::string alias = pick(std::vector<std::string>{"", "x", "y"});
      if (!taken[provider + id + alias]) plan.model_add(provider, id, alias);
      taken[provider + id + alias] = true;
    }
    const ModelConfig first = plan.config.models.front();
    if (random() % 2 == 0) plan.balancer_add("z", {first.provider + "/" + first.id});
    if (random() % 2 == 0 && first.alias == "x") plan.balancer_add("x");
    plan.routes_make();
    std::vector<std::string> resources = {"*", "model:x", "model:y", "model:z", "model:a/m",
                                          "model:*", "provider:a", "provider:b", "provider:*",
                                          "load_balancer:x", "load_balancer:z", "load_balancer:*"};
    for (const auto& model : plan.config.models) resources.push_back("model:" + model.uuid);
    for (const auto& balancer : plan.config.balancers) resources.push_back(balancer.uuid);
    for (uint64_t i = random_below(random, 6); i > 0; --i) {
      plan.config.policies.push_back(
          policy(random() % 3 == 0 ? "deny" : "allow", pick(resources), pick(subjects)));
    }
    for (int n = 0; n < 6; ++n) {
      PolicyCaller who;
      who.admin = random() % 4 == 0;
      who.key_name = random() % 2 == 0 ? "k" : "l";
      who.user = random() % 2 == 0 ? "u" : "";
      for (const char* group : {"g", "h", "i"}) {
        if (random() % 2 == 0) who.groups.emplace_back(group);
      }
      Principal principal;
      principal.access = plan.access(who);
      const auto late = plan.table(&who)->group_of(who, kProduction);
      const auto late_access = late == nullptr ? nullptr : late->access;
      ASSERT_EQ(late_access == nullptr, principal.access == nullptr);
      if (late_access != nullptr) {
        ASSERT_TRUE(late_access->same_content(*principal.access));
      }
      const Naive naive(plan, who);
      for (const auto& route : plan.routes) {
        const TargetSet expected = naive.excluded(*route);
        const Permit permit = permit_of(principal, *route);
        ASSERT_EQ(permit.allowed, expected.count() < route->targets.size()) << route->name;
        if (!permit.allowed) continue;
        ASSERT_EQ(permit.excluded == nullptr ? TargetSet() : *permit.excluded, expected)
            << route->name;
      }
    }
  }
}

// Goal: many keys, each with a policy of its own, are compiled in time that does not grow with the
// product of the two. Method: the number of marked routes is checked; a quadratic build would take
// minutes under the sanitizers.
TEST(PolicyTable, ManyKeysOfManyModels) {
  Plan plan;
  plan.provider_add("a");
  constexpr int kCount = 2'000;
  for (int i = 0; i < kCount; ++i) {
    plan.model_add("a", "m" + std::to_string(i), "x" + std::to_string(i));
  }
  plan.routes_make();
  std::map<std::string, uint32_t> slots;
  for (const auto& route : plan.routes) slots[route->name] = route->slot;
  for (int i = 0; i < kCount; ++i) {
    const std::string number = std::to_string(i);
    plan.config.policies.push_back(policy("allow", "model:x" + number, "key:k" + number));
  }
  const auto table = plan.table();
  for (int i = 0; i < kCount; ++i) {
    PolicyCaller who;
    who.key_name = "k" + std::to_string(i);
    const auto access = table->group_of(who, kProduction)->access;
    ASSERT_TRUE(access->permit(slots["x" + std::to_string(i)]).allowed);
    ASSERT_FALSE(access->permit(slots["x" + std::to_string((i + 1) % kCount)]).allowed);
  }
}

// Goal: a table that is told of routes that come and go knows what a new one would know, and leaves
// the records of those whom a change is not about. Method: every route goes and comes back.
TEST(PolicyTable, FollowsRoutesThatComeAndGo) {
  Plan plan = small_plan();
  plan.config.policies = {policy("deny", "provider:b", "x"), policy("allow", "model:other", "y"),
                          policy("deny", "load_balancer:fast", "*")};
  const auto table = plan.table();
  const auto x = table->group_of(caller("x"), kProduction);
  const auto y = table->group_of(caller("y"), kProduction);
  const auto admin = table->group_of(caller("", true), kProduction);
  const auto sandbox = table->group_of(caller("x"), kSandbox);
  EXPECT_EQ(sandbox->access, nullptr);
  const auto of_x = x->access;
  plan.each_route([&](const RouteDraft& draft) {
    const Route& route = plan.route(std::string(draft.key.name));
    SCOPED_TRACE(route.name);
    const bool narrow_x = !of_x->permit(route.slot).allowed || of_x->permit(route.slot).excluded;
    const auto before = x->access;
    table->route_drop(route);
    (void)table->settle();
    EXPECT_TRUE(x->access->permit(route.slot).allowed);
    EXPECT_EQ(x->access->permit(route.slot).excluded, nullptr);
    EXPECT_EQ(x->changed, narrow_x);
    EXPECT_EQ(x->access != before, narrow_x);
    table->route_add(route, draft);
    (void)table->settle();
    EXPECT_EQ(x->changed, narrow_x);
    EXPECT_TRUE(x->access->same_content(*of_x));
  });
  // And who comes later is judged as by a table that saw the routes once.
  for (const auto& who : {caller("x"), caller("y"), caller("z"), caller("", true)}) {
    const auto now = table->group_of(who, kProduction)->access;
    ASSERT_NE(now, nullptr);
    EXPECT_TRUE(now->same_content(*plan.access(who)));
  }
  EXPECT_FALSE(table->settle());
}

}  // namespace
}  // namespace weir
