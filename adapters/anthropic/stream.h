// Adapter::transform_stream: Anthropic's events as the chunks of a chat stream.
//
// Each event is read once and written straight to the call's scratch; nothing of an answer is kept
// but which blocks are open. A tail of at most kMaxEventBytes waits in the attempt's arena until
// its event is whole. The first chunk waits for the first event behind the message's start, so that
// an error which comes instead is still a failed reply. Worker thread.
#pragma once

#include <string_view>

#include <weir/adapter.h>

namespace weir {

[[nodiscard]] Result<void> anthropic_stream(Call& call, StreamPhase phase, std::string_view in,
                                            SliceList* out, StreamFacts* facts);

}  // namespace weir
