// The limits stage of a request: what it takes from which buckets, and what it gives back.
//
// Two holdings, each closed exactly once: that of the request (tenant, key, alias), from admission
// to exchange_finish(), and that of the attempt (provider, model), from the choice of the target to
// exchange_attempt_done(). A request that ran pays with its real usage; one that failed before a
// byte was delivered pays nothing. docs/limits.md says what holds. Worker thread.
#pragma once

#include <cstddef>
#include <cstdint>

#include <weir/types.h>

#include "http/write.h"
#include "proxy/limit_lines.h"
#include "route/decide.h"

namespace weir {

struct Exchange;

// What a request holds of limits, as a part of Exchange.
struct LimitsHeld {
  int64_t capped = -1;          // what to reserve, if that is the same everywhere; -1: not known
  int64_t reserved = 0;         // tokens, in the buckets of the principal
  int64_t alias_reserved = 0;   // tokens, in the buckets of the route
  int64_t target_reserved = 0;  // tokens, in the buckets of the target
  bool request = false;         // the holdings are open
  bool alias = false;
  bool target = false;
  bool targets_limited = false;    // a target was left out because of its limits
  uint64_t shortest_wait_ns = 0;   // until the first of them would admit
};

// Of the candidates of a plan, the first whose alias admits it. False: it was refused with 429, and
// the answer is on its way.
[[nodiscard]] bool limits_admit(Exchange* ex);
// The request went on from the alias `from` to that of ex->route. False: that one is at its limit,
// and none is held.
[[nodiscard]] bool limits_move(Exchange* ex, const Route& from);
// False: the target's limits are used up; try another one.
[[nodiscard]] bool limits_take_target(Exchange* ex, const Target& target);
// 429 because of the targets that were left out.
void limits_refuse_targets(Exchange* ex);
void limits_end_attempt(Exchange* ex, Fault fault);
// With the usage in the record.
void limits_end_request(Exchange* ex);
// There are buckets that the client is told about; the provider's own fields are hidden then.
[[nodiscard]] bool limits_shown(const Exchange* ex);
// The x-ratelimit-* lines of an answer, if limits_shown(). Adds at most kLimitFieldBytes, for which
// there must be room.
constexpr size_t kLimitFieldBytes = 2 * LimitLines::kRoom;
void limits_fields(Exchange* ex, HeadWriter* writer);

}  // namespace weir
