// Writes the body of a chat request for watsonx.ai: the client's bytes with edits, since the two
// forms differ in names and in what messages may hold. Worker thread; pure.
#pragma once

#include <weir/adapter.h>

#include "adapters/watsonxai/settings.h"

namespace weir::watsonx {

// The slices borrow from the request and the arena. Fills Call::dropped_params.
[[nodiscard]] Result<void> chat_body(Call& call, const Settings& settings, SliceList* out);

// `stop` as a list of strings; empty when there is none.
[[nodiscard]] Result<std::string_view> stop_list(std::string_view stop, Arena& arena);

}  // namespace weir::watsonx
