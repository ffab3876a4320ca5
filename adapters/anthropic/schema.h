// Rewrites a JSON schema for a provider whose constrained decoding knows a part of the language.
//
// Every object gets additionalProperties false; keywords that are not understood leave and are told
// to the model in the description instead; oneOf becomes anyOf. Worker thread.
#pragma once

#include <string_view>

#include <weir/types.h>

#include "adapters/common/arena_text.h"

namespace weir {

// Appends the schema to `out`. kInvalidField with `param` when it nests deeper than 64 levels.
[[nodiscard]] Result<void> schema_restrict(std::string_view schema, std::string_view param,
                                           Arena& arena, ArenaText* out);

}  // namespace weir
