// The candidates of a request whose `router` member chooses among models: which routes may answer
// it, which of their targets, and in which order they are tried.
//
// Most requests have none (Exchange::plan is null) and one route. The plan lives in the exchange's
// arena; the routes of all its candidates are pinned from route_plan_make() to
// route_plan_release(). The present choice is what Exchange::route, excluded and view.model say.
// Worker thread.
#pragma once

#include <span>

#include <weir/types.h>

#include "proxy/router_ask.h"
#include "route/route.h"

namespace weir {

struct Exchange;

struct RoutePlan {
  // One candidate; by cost, those targets of it that cost the same.
  struct Choice {
    const Route* route = nullptr;
    std::string_view model;  // the name by which the client called it
    TargetSet excluded;      // by policies, by the request's filters, and because of their price
  };
  static constexpr size_t kMaxChoices = 256;

  std::span<Choice> choices;          // in the order in which they are tried; never empty
  std::span<const Route*> pinned;
  size_t at = 0;                      // the present choice
  uint32_t max_attempts = 1;          // the most that a candidate's alias allows
  // A suspended target is taken only when no choice has another one.
  bool forced = false;
};

// Finds the candidates, filters and orders them, and puts the exchange at the first one. Refused:
// a name that is unknown or that this key may not use, a candidate without the endpoint, and
// filters that leave nothing.
[[nodiscard]] Result<void> route_plan_make(Exchange* ex, const RouterAsk& ask);
// Puts the exchange at the next choice. False: there is none, the exchange is as it was. With
// `again`, after the last one all are gone through once more, for their suspended targets.
[[nodiscard]] bool route_plan_next(Exchange* ex, bool again);
void route_plan_release(Exchange* ex);

}  // namespace weir
