// Which target of a group comes next: the arithmetic of fairness, without health and time.
//
// A group is the targets of one endpoint and one priority; w_i are their weights (all 1 for round
// robin), W the sum, c_i the picks of target i, k the number of targets. "By weight" means
// c_i = n*w_i/W after n picks; how far c_i may be off is stated here, and tested.
//
// Ring. With W <= kMaxRing (after division by the greatest common divisor) the order is laid out
// once. Pick number m of target i (from 0) may come no earlier than step floor(m*W/w_i) and no
// later than before step ceil((m+1)*W/w_i); among those that may come, the one whose limit is
// nearest does. Giving each target w_i/W of every step meets all these limits, so no span of steps
// has more picks due in it than it has steps; then nearest-limit-first misses none either. Hence
//     |c_i - n*w_i/W| < 1 after n picks from the ring's start,
// less than 2 between any two points of it (a core that starts elsewhere), and with equal weights
// less than 1 between any two points.
//
// Credit. For a larger W, and for a set of targets that changes: each pick adds w_i to every credit
// and takes W from the largest, who is chosen. Credits over W are what each target is behind
// (n*w_i/W - c_i); they add up to 0. The chosen is not below the mean, so nobody is ever 1 ahead.
// Let a_j be the mean of the j largest. If the chosen stays among the j largest, a_j does not grow;
// if not, it was at least as large as each of them, so a_j is at most what the mean of all j + 1
// was, plus 1/(j+1). With a_k = 0 the largest is at most 1/2 + 1/3 + ... + 1/k behind. The first
// pick of a new set is drawn by weight, at random, so that nobody gains by being listed first when
// the set changes often; a_j then begins below 1/j, which adds 1/(k*(k-1)). Hence
//     -1 < n*w_i/W - c_i <= 1/2 + 1/3 + ... + 1/k + 1/(k*(k-1))   (k = 3: 1; k = 10: 1.94).
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "route/inflight.h"
#include "route/route.h"

namespace weir {

constexpr uint32_t kMaxRing = 4096;

// Control thread: fills Route::endpoints, groups and layout from targets and algorithm.
void lay_out(Route& route);

// 1 for round robin, else the target's weight.
[[nodiscard]] uint32_t effective_weight(const Route& route, uint32_t index);

// The credits of one group, on one core. `set` is for what they hold; `credit` is borrowed, one
// for each of TargetGroup::members.
struct Credits {
  TargetSet set;
  std::span<int64_t> credit;
};

// Chooses among `available`, a non-empty subset of the group's members. `random` decides only when
// the set is not that of the last call. Returns an index into Route::targets.
[[nodiscard]] uint16_t pick_by_credit(const Route& route, const TargetGroup& group,
                                      const TargetSet& available, uint64_t random,
                                      Credits& credits);

// The member of `available` with the fewest requests under way per weight. `first` wins a tie it
// takes part in; then the lowest index.
[[nodiscard]] uint16_t pick_least_inflight(const Route& route, const TargetGroup& group,
                                           const TargetSet& available, uint16_t first,
                                           const InflightView& inflight);

}  // namespace weir
