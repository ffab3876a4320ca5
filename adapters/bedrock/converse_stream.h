// Reads the event stream of a ConverseStream request and writes it as chunks. Bytes may be cut
// anywhere. Worker thread.
#pragma once

#include <string_view>

#include <weir/adapter.h>

namespace weir {

[[nodiscard]] Result<void> converse_stream_read(Call& call, StreamPhase phase, std::string_view in,
                                                SliceList* out, StreamFacts* facts);

}  // namespace weir
