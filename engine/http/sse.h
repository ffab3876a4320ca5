// Server-sent events (WHATWG HTML section 9.2), incremental: any cut of the input gives the same
// events. Two layers, because pass-through must not touch bytes:
//
// SseBoundary finds where events end in raw bytes, and nothing more: the caller forwards whole
// events unchanged and holds the tail. SseReader gives fields of one complete raw event.
// Line ends LF, CRLF, CR; one leading BOM is skipped. One thread.
#pragma once

#include <cstdint>
#include <string_view>

#include <weir/types.h>

namespace weir {

class SseBoundary {
 public:
  // How many bytes of `input` belong to complete events (up to and including the blank line's end)
  // of the stream so far. 0 when none ends here. A CR CR or CRLF CRLF cut between reads is handled:
  // an LF that arrives first in the next input belongs to the event before it.
  [[nodiscard]] size_t next(std::string_view input);
  void reset() { *this = SseBoundary(); }

 private:
  uint8_t state_ = 0;
};

struct SseEvent {
  std::string_view data;   // `data:` lines joined with LF; points into the event when there is one
  std::string_view event;  // the `event:` field, may be empty
  bool has_data = false;   // false for comments and for events without a data line
  bool multi_line = false; // data had to be joined in `scratch`
};

// Reads one complete raw event (as cut by SseBoundary, or a tail at the end of a stream).
// `scratch` is used only for events of several data lines and must outlive the event; such an
// event longer than the scratch is kUpstreamUnavailable.
[[nodiscard]] Result<SseEvent> sse_read_event(std::string_view raw, std::span<char> scratch);

// True for `[DONE]` with any white space around it.
[[nodiscard]] bool sse_is_done(std::string_view data);

}  // namespace weir
