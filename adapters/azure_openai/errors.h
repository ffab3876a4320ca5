// Reads Azure's errors: OpenAI's form, but with codes that only repeat the status, and waits that
// are told in words. Worker thread; pure.
#pragma once

#include <weir/adapter.h>

namespace weir {

// map_error().
void azure_map_error(Call& call, const Reply& in, UpstreamError* out);

// Seconds of "Try again in 35 seconds" or "retry after 2 seconds" in a message; -1 without.
[[nodiscard]] int64_t wait_in_words_s(std::string_view message);

}  // namespace weir
