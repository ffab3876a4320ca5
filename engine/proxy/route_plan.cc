#include "proxy/route_plan.h"

#include <algorithm>
#include <new>
#include <string>

#include "base/check.h"
#include "json/json_write.h"
#include "proxy/exchange.h"
#include "proxy/worker.h"
#include "route/access.h"

namespace weir {

namespace {

// A candidate while the plan is made.
struct Candidate {
  std::string_view model;
  const Route* route = nullptr;
  TargetSet left;  // may be used, serves the endpoint, and passed the filters so far
};

struct Candidates {
  std::array<Candidate, RouterAsk::kMaxModels + 1> list;
  size_t count = 0;
  [[nodiscard]] std::span<Candidate> all() { return {list.data(), count}; }
  [[nodiscard]] bool has(std::string_view model) const {
    return std::any_of(list.begin(), list.begin() + count,
                       [model](const Candidate& c) { return c.model == model; });
  }
};

std::unexpected<Error> refuse(Exchange* ex, Errc code, std::string_view param,
                              std::string_view before, std::string_view model,
                              std::string_view after) {
  std::string text(before);
  json_append_string(&text, model);
  text += after;
  return std::unexpected(Error{code, ex->arena.copy(text), param});
}

TargetSet serving(const Route& route, Endpoint endpoint) {
  TargetSet out;
  for (const TargetGroup& group : route.groups[endpoint_index(endpoint)]) {
    for (const uint16_t index : group.members) out.set(index);
  }
  return out;
}

Result<void> candidate_add(Exchange* ex, std::string_view model, std::string_view param,
                           Candidates* out) {
  if (out->has(model)) return {};
  const Principal& who = *ex->principal;
  const Route* route = ex->worker->snapshot()->find_route(who.tenant, who.environment, model);
  if (route == nullptr) {
    return refuse(ex, Errc::kModelNotFound, param, "the model ", model,
                  " does not exist; GET /v1/models lists what there is");
  }
  ex->record.route = route->slot;
  const Permit permit = permit_of(who, *route);
  if (!permit.allowed) {
    return refuse(ex, Errc::kAccessDenied, param, "this key may not use the model ", model, "");
  }
  TargetSet left = serving(*route, ex->match.endpoint);
  if (left.none()) {
    return refuse(ex, Errc::kUnsupportedEndpoint, param, "no provider of the model ", model,
                  " serves that endpoint");
  }
  if (permit.excluded != nullptr) left &= ~*permit.excluded;
  if (left.none()) {
    return refuse(ex, Errc::kAccessDenied, param,
                  "this key may not use the providers that serve this endpoint of the model ",
                  model, "");
  }
  out->list[out->count++] = {model, route, left};
  return {};
}

// The list's order holds; a `model` that is not in it goes before it.
Result<void> candidates_find(Exchange* ex, const RouterAsk& ask, Candidates* out) {
  const std::span<const std::string_view> listed(ask.models.data(), ask.model_count);
  if (std::find(listed.begin(), listed.end(), ex->view.model) == listed.end()) {
    if (auto added = candidate_add(ex, ex->view.model, "model", out); !added) return added;
  }
  for (const std::string_view model : listed) {
    if (auto added = candidate_add(ex, model, "router.models", out); !added) return added;
  }
  return {};
}

// Keeps the targets that pass. False: none is left of any candidate.
template <typename Passes>
bool filter(Candidates* candidates, Passes passes) {
  bool any = false;
  for (Candidate& candidate : candidates->all()) {
    for (size_t i = 0; i < candidate.route->targets.size(); ++i) {
      if (candidate.left[i] && !passes(candidate.route->targets[i])) candidate.left.reset(i);
    }
    any |= candidate.left.any();
  }
  return any;
}

std::unexpected<Error> emptied(std::string_view param, std::string_view message) {
  return std::unexpected(Error{Errc::kModelNotFound, message, param});
}

Result<void> filters_apply(const RouterAsk& ask, Candidates* candidates) {
  const std::span<const std::string_view> families(ask.families.data(), ask.family_count);
  if (!families.empty() && !filter(candidates, [&](const Target& target) {
        return std::find(families.begin(), families.end(), target.family) != families.end();
      })) {
    return emptied("router.family_model",
                   "router.family_model leaves no model: no candidate's metadata has one of these "
                   "values as model_family");
  }
  if (!ask.region.empty() &&
      !filter(candidates, [&](const Target& target) { return target.region == ask.region; })) {
    return emptied("router.region", "router.region leaves no model: no candidate that is left has "
                                    "that region in its metadata");
  }
  constexpr double kPicoPerUnit = 1e9;  // a dollar for 1000 tokens, per token
  const double most = ask.max_cost * kPicoPerUnit + 0.5;
  if (ask.max_cost >= 0 && !filter(candidates, [most](const Target& target) {
        return target.cost >= 0 && static_cast<double>(target.cost) <= most;
      })) {
    return emptied("router.max_cost", "router.max_cost leaves no model: every candidate that is "
                                      "left costs more, or has no cost in its metadata");
  }
  return {};
}

// The targets of the route that are not in `left`.
TargetSet others(const Route& route, const TargetSet& left) {
  return ~left & (TargetSet().set() >> (Route::kMaxTargets - route.targets.size()));
}

RoutePlan::Choice* choices_allocate(Exchange* ex, size_t count) {
  return reinterpret_cast<RoutePlan::Choice*>(
      ex->arena.allocate(count * sizeof(RoutePlan::Choice)));
}

std::span<RoutePlan::Choice> choices_in_order(Exchange* ex, Candidates* candidates) {
  RoutePlan::Choice* const list = choices_allocate(ex, candidates->count);
  size_t count = 0;
  for (const Candidate& candidate : candidates->all()) {
    if (candidate.left.none()) continue;
    new (&list[count++]) RoutePlan::Choice{
        candidate.route, candidate.model, others(*candidate.route, candidate.left)};
  }
  return {list, count};
}

// A target and what it costs; an unknown cost is the highest.
struct Priced {
  uint64_t cost;
  uint32_t candidate, target;
};

std::span<Priced> prices_sorted(Exchange* ex, Candidates* candidates) {
  size_t room = 0;
  for (const Candidate& candidate : candidates->all()) room += candidate.left.count();
  auto* const list = reinterpret_cast<Priced*>(ex->arena.allocate(room * sizeof(Priced)));
  size_t count = 0;
  for (uint32_t c = 0; c < candidates->count; ++c) {
    const Candidate& candidate = candidates->list[c];
    for (uint32_t i = 0; i < candidate.route->targets.size(); ++i) {
      const auto cost = static_cast<uint64_t>(candidate.route->targets[i].cost);  // -1: highest
      if (candidate.left[i]) new (&list[count++]) Priced{cost, c, i};
    }
  }
  std::sort(list, list + count, [](const Priced& a, const Priced& b) {
    if (a.cost != b.cost) return a.cost < b.cost;
    return a.candidate != b.candidate ? a.candidate < b.candidate : a.target < b.target;
  });
  return {list, count};
}

// The cheapest first; what costs the same stays in the order of the list.
std::span<RoutePlan::Choice> choices_by_cost(Exchange* ex, Candidates* candidates) {
  const std::span<const Priced> prices = prices_sorted(ex, candidates);
  const size_t room = std::min(prices.size(), RoutePlan::kMaxChoices);
  RoutePlan::Choice* const list = choices_allocate(ex, room);
  size_t count = 0;
  for (size_t i = 0; i < prices.size(); ++i) {
    const Priced& price = prices[i];
    const bool same = i > 0 && price.cost == prices[i - 1].cost &&
                      price.candidate == prices[i - 1].candidate;
    if (!same && count == room) break;
    if (!same) {
      const Candidate& candidate = candidates->list[price.candidate];
      new (&list[count++]) RoutePlan::Choice{candidate.route, candidate.model,
                                             others(*candidate.route, {})};
    }
    list[count - 1].excluded.reset(price.target);
  }
  return {list, count};
}

void pin_routes(Exchange* ex, Candidates* candidates, RoutePlan* plan) {
  auto** const list =
      reinterpret_cast<const Route**>(ex->arena.allocate(candidates->count * sizeof(Route*)));
  size_t count = 0;
  for (const Candidate& candidate : candidates->all()) {
    ex->worker->link->pins.pin(candidate.route->pin);
    plan->max_attempts = std::max(plan->max_attempts, candidate.route->max_attempts);
    list[count++] = candidate.route;
  }
  plan->pinned = {list, count};
}

void go_to(Exchange* ex, size_t at) {
  RoutePlan& plan = *ex->plan;
  plan.at = at;
  const RoutePlan::Choice& choice = plan.choices[at];
  ex->route = choice.route;
  ex->excluded = &choice.excluded;
  ex->view.model = choice.model;
  ex->record.route = choice.route->slot;
  ex->tried.reset();
}

}  // namespace

Result<void> route_plan_make(Exchange* ex, const RouterAsk& ask) {
  Candidates candidates;
  if (auto found = candidates_find(ex, ask, &candidates); !found) return found;
  ex->record.route = candidates.list[0].route->slot;
  if (auto filtered = filters_apply(ask, &candidates); !filtered) return filtered;
  auto* plan = ex->arena.make<RoutePlan>();
  plan->choices = ask.by_cost ? choices_by_cost(ex, &candidates)
                              : choices_in_order(ex, &candidates);
  WEIR_CHECK(!plan->choices.empty());
  pin_routes(ex, &candidates, plan);
  plan->forced = plan->choices.size() == 1;
  ex->plan = plan;
  go_to(ex, 0);
  return {};
}

bool route_plan_next(Exchange* ex, bool again) {
  RoutePlan& plan = *ex->plan;
  if (plan.at + 1 < plan.choices.size()) {
    go_to(ex, plan.at + 1);
    return true;
  }
  if (!again || plan.forced) return false;
  plan.forced = true;
  go_to(ex, 0);
  return true;
}

void route_plan_release(Exchange* ex) {
  for (const Route* route : ex->plan->pinned) ex->worker->link->pins.unpin(route->pin);
  ex->plan = nullptr;
  ex->route = nullptr;
  ex->excluded = nullptr;
}

}  // namespace weir
