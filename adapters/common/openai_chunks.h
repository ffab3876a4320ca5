// Turns a whole JSON answer into the events of a stream, for providers that ignore `stream: true`,
// and the small pieces that everybody needs who writes events. Worker thread; pure.
#pragma once

#include <string_view>

#include <weir/adapter.h>

namespace weir {

// `body` is a checked answer with `choices`. Writes all chunks and `[DONE]` (one slice, in the
// call's arena), and fills the facts as if the stream had come. The usage chunk is there only when
// the client asked for it.
[[nodiscard]] Result<void> json_to_chunks(Call& call, std::string_view body, SliceList* out,
                                          StreamFacts* facts);

// `count` letters and digits made from the attempt's random bits, in the arena; another `salt`
// gives another text.
[[nodiscard]] std::string_view random_text(const uint64_t (&random)[2], uint64_t salt, size_t count,
                                           Arena& arena);

}  // namespace weir
