// transform_stream() of watsonxai: chat chunks and the pieces of text generation become OpenAI's
// events. The provider's stream has numbered, named events and no end mark; the engine adds that.
//
// What it keeps between calls lies in the attempt's arena; the tail of an event that is not whole
// is held, at most kMaxEventBytes of it. Worker thread.
#pragma once

#include <string_view>

#include <weir/adapter.h>

namespace weir::watsonx {

constexpr size_t kMaxEventBytes = 8 * 1024 * 1024;

struct StreamState;

// `*state` is null at the first call of an attempt; it is made here, in the arena.
[[nodiscard]] Result<void> stream_transform(Call& call, StreamState** state, StreamPhase phase,
                                            std::string_view in, SliceList* out,
                                            StreamFacts* facts);

}  // namespace weir::watsonx
