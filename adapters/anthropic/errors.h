// Anthropic's errors, as a failed reply and as an event of a stream. Worker thread; pure.
#pragma once

#include <string_view>

#include <weir/adapter.h>

#include "adapters/common/chunk_writer.h"

namespace weir {

// Adapter::map_error: the common reading, with what this provider says in words of its own.
void anthropic_map_error(Call& call, const Reply& in, UpstreamError* out);

// The `error` object of an event, in words that the common reading understands.
[[nodiscard]] ChunkError anthropic_stream_error(std::string_view error, Arena& arena);

}  // namespace weir
