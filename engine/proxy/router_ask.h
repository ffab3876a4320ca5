// What a request's members `router` and `cache` ask for, checked and with names unescaped.
//
// IBM's extensions of chat and completions (docs/routing.md). Nothing here knows which models there
// are. Views borrow from the body or from the arena. Worker thread.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>

#include <weir/types.h>

#include "base/arena.h"

namespace weir {

struct RouterAsk {
  static constexpr size_t kMaxModels = 16;
  static constexpr size_t kMaxFamilies = 16;

  bool wanted = false;  // something in it chooses or filters
  std::array<std::string_view, kMaxModels> models;
  size_t model_count = 0;
  std::array<std::string_view, kMaxFamilies> families;
  size_t family_count = 0;
  std::string_view region;   // empty: any
  double max_cost = -1;      // US dollars for 1000 tokens; negative: any
  bool by_cost = false;      // optimization: cost
};

struct CacheAsk {
  bool enabled = false;
  std::string_view filter;   // as written; empty: none
};

// `cache` may also stand inside `router`, as IBM's Java client writes it; the outer one goes first.
// Refused (kInvalidField): a wrong type or value, more names than there is room for.
[[nodiscard]] Result<void> extensions_read(const RequestView& view, Arena& arena,
                                           RouterAsk* router, CacheAsk* cache);

}  // namespace weir
