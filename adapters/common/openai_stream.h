// Looks at the events of a stream that passes unchanged, for the ledger and for an honest end.
//
// One pass over the raw bytes finds the few keys that matter; only an event that holds one of them
// with a telling value is walked as JSON. The caller cuts the stream into whole events with
// SseBoundary, and decides by the verdict what to write. Worker thread; allocates nothing.
#pragma once

#include <string_view>

#include <weir/adapter.h>

namespace weir {

enum class EventVerdict : uint8_t {
  kForward,  // an event of the answer, or one that is not understood: pass it on
  kQuiet,    // a comment or an event without data: pass it on, but it is no first event
  kHide,     // a usage chunk that the client did not ask for: drop it whole
  kDone,     // `[DONE]`; facts->done is set
  kError,    // the provider reports an error; facts->error is set. As the first event it stands
             // for a failed reply (openai_map_stream_error), later it is passed on
};

// `event` is one raw event with its blank line. The last usage seen wins; text is counted in bytes
// as sent, escapes included.
[[nodiscard]] EventVerdict openai_observe_event(std::string_view event, bool usage_asked,
                                                StreamFacts* facts);

}  // namespace weir
