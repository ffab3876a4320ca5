// Server-sent events (WHATWG HTML section 9.2), incremental: any cut of the input gives the same
// events. Two layers, because pass-through must not touch bytes:
//
// SseBoundary finds where events end in raw bytes, and nothing more: the caller forwards whole
// events unchanged and holds the tail. sse_read_event gives the fields of one complete raw event.
// Line ends LF, CRLF, CR; one leading BOM is skipped. One thread.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include <weir/types.h>

namespace weir {

class SseBoundary {
 public:
  // How many bytes of `input` end the first event in it, up to and including the end of its blank
  // line; 0 when no event ends in it. `input` begins where the last call stopped: behind the event
  // it reported, or behind everything it was given when it returned 0 (the caller holds these bytes
  // as the head of the event to come; they are not scanned again). So one read is walked with
  //   while ((n = boundary.next(rest)) != 0) { ...; rest.remove_prefix(n); }
  // A blank line without an event before it is an event of its own. An event that ends in CR is
  // reported at once; if an LF comes first in the next read, that LF belongs to its line end and is
  // reported as a piece of one byte, which holds no field.
  [[nodiscard]] size_t next(std::string_view input);
  // Whether the next byte begins a line; with nothing held of an event, it begins one. The caller
  // may then take whole events that end in LF by itself, and go on behind them.
  [[nodiscard]] bool at_line_start() const { return state_ == State::kLineStart; }
  void reset() { *this = SseBoundary(); }

 private:
  enum class State : uint8_t {
    kStart,        // of the stream; a BOM may come
    kBom1,         // EF was seen
    kBom2,         // EF BB was seen
    kLineStart,    // of any line
    kLineStartCr,  // likewise, behind a CR: an LF belongs to that line end
    kEventEndCr,   // behind an event that ended in CR
    kLine,         // within a line
  };
  const char* skip_bom(const char* p, const char* end);

  State state_ = State::kStart;
};

struct SseEvent {
  std::string_view data;    // `data:` lines joined with LF; points into the event when there is one
  std::string_view event;   // the `event:` field, may be empty
  bool has_data = false;    // false for comments and for events without a data line
  bool multi_line = false;  // data had to be joined in `scratch`
};

// Reads one complete raw event (as cut by SseBoundary, or a tail at the end of a stream, whose last
// line may lack its end). `scratch` is used only for events of several data lines and must outlive
// the event; such an event longer than the scratch is kUpstreamUnavailable. The views borrow from
// `raw` or `scratch`. A BOM in front is skipped.
[[nodiscard]] Result<SseEvent> sse_read_event(std::string_view raw, std::span<char> scratch);

// True for `[DONE]` with any white space around it.
[[nodiscard]] bool sse_is_done(std::string_view data);

}  // namespace weir
