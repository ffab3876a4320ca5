// Which parameters of a request a provider takes, as constant tables: one rule for each name, and
// one action for all others.
//
// A parameter that is left out is named to the client (Call::dropped_params, the reply's
// x-weir-dropped-params); a provider with strict_params makes an error of it. A null, and the value
// that a rule calls neutral, say what leaving out says: they go in silence. Worker thread; pure.
//
// `model`, `stream`, `stream_options`, `router` and `cache` are every adapter's own business, and
// no rule is asked about them.
#pragma once

#include <span>
#include <string_view>

#include <weir/adapter.h>

#include "adapters/common/body_edits.h"

namespace weir {

enum class ParamAction : uint8_t {
  kPass,    // goes as it is
  kMapped,  // the adapter sends it in a form of its own
  kDrop,    // left out, and named; an error under strict_params
  kRefuse,  // an error
};

struct ParamRule {
  std::string_view name;
  ParamAction action = ParamAction::kPass;
  // Why it cannot go, as the end of a sentence: "the model reads text only". May be empty.
  std::string_view why = {};
  // JSON text of the value that changes nothing, such as `1` for `n`. Numbers compare as numbers.
  std::string_view neutral = {};
};

// Walks over the request's members in their order. For a dialect that passes bodies on, `edits`
// gets the removals, and the provider's options `pass_params` and `drop_params` (names joined by
// commas) go before the rules. An adapter that writes its own body leaves `edits` null.
// The error is kUnsupportedParameter with a message in the arena that says what to do.
[[nodiscard]] Result<void> params_apply(Call& call, std::span<const ParamRule> rules,
                                        ParamAction unknown, BodyEdits* edits = nullptr);

// True for the two options that params_apply() reads.
[[nodiscard]] bool params_option_known(std::string_view name);

// Adds a name to Call::dropped_params, for what only the adapter itself can see (a part of a
// message, an option of a tool); under strict_params the error that params_apply() would give.
[[nodiscard]] Result<void> param_drop(Call& call, std::string_view name, std::string_view why);

// The error for a parameter that must not be left out in silence.
[[nodiscard]] std::unexpected<Error> param_refuse(Call& call, std::string_view name,
                                                  std::string_view why);

}  // namespace weir
