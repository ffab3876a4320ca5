// Reads a stream event by event. Whole events go to the client as the provider wrote them; the tail
// of an event waits in ex->reply until it is complete, so half an event is never forwarded.
#include <cstring>

#include "adapters/common/openai_shape.h"
#include "base/check.h"
#include "json/reply_scan.h"
#include "proxy/exchange.h"
#include "proxy/reply.h"
#include "proxy/upstream_pool.h"
#include "proxy/worker.h"

namespace weir {

namespace {

constexpr size_t kMaxEvent = 8 * 1024 * 1024;
constexpr std::string_view kStreamType = "text/event-stream; charset=utf-8";

void fail_first_event(Exchange* ex, std::string_view raw) {
  UpstreamError error;
  Call call = exchange_call(ex);
  openai_map_stream_error(call, raw, &error);
  exchange_attempt_failed(ex, error);
}

// False: the exchange is no longer in this stream.
bool take_event(Exchange* ex, std::string_view raw) {
  if (ex->facts.done) return true;  // whatever follows the end mark is not passed on
  size_t text_bytes = 0;
  if (ex->committed && ex->pattern.match(raw, &text_bytes) == raw.size()) {
    ex->facts.text_bytes += text_bytes;
    relay_push(ex, raw);
    return true;
  }
  const StreamFacts before = ex->facts;
  const EventVerdict verdict = openai_observe_event(raw, ex->view.include_usage, &ex->facts);
  if (verdict == EventVerdict::kForward) {
    static_cast<void>(ex->pattern.learn(raw, before, ex->facts));
  }
  switch (verdict) {
    case EventVerdict::kHide:
      return true;
    case EventVerdict::kQuiet:
      if (ex->committed) relay_push(ex, raw);
      return true;
    case EventVerdict::kDone:
      // After an error event the provider's end mark would make the stream look whole.
      if (ex->facts.error || !ex->committed) return true;
      relay_push(ex, raw);
      return true;
    case EventVerdict::kError:
      if (!ex->committed) {
        fail_first_event(ex, raw);
        return false;
      }
      relay_push(ex, raw);
      return true;
    case EventVerdict::kForward:
      relay_commit(ex, 200, kStreamType);
      relay_push(ex, raw);
      return true;
  }
  return true;
}

// The process holds too much already: Weir's own bound, and nothing against the provider.
void fail_overloaded(Exchange* ex) {
  const Error error{Errc::kOverloaded, "too many bytes are held for other requests; try again"};
  if (ex->committed) return relay_on_cut(ex, error.message, Fault::kGateway);
  exchange_attempt_failed(ex, error_of(error));
}

// The end of an event whose beginning came with an earlier read.
bool take_joined_event(Exchange* ex, std::string_view rest) {
  if (!ex->reply.append(ex->worker, rest)) {
    fail_overloaded(ex);
    return false;
  }
  if (!take_event(ex, ex->reply.view())) return false;
  // It lies in memory that the next tail will use.
  relay_keep_run(ex);
  ex->reply.release(ex->worker);
  return true;
}

void hold_tail(Exchange* ex, std::string_view tail) {
  if (ex->reply.size() + tail.size() > kMaxEvent) {
    return relay_on_cut(ex, "the provider sent an event that is too large");
  }
  if (ex->reply.append(ex->worker, tail)) return;
  fail_overloaded(ex);
}

// Passes the events in front that are like the last one, and returns their bytes: most of a stream.
size_t pass_known_events(Exchange* ex, std::string_view bytes) {
  if (!ex->committed || ex->facts.done) return 0;
  if (!ex->reply.empty() || !ex->boundary.at_line_start()) return 0;
  const size_t size = ex->pattern.match_run(bytes, &ex->facts.text_bytes);
  relay_push(ex, bytes.substr(0, size));
  return size;
}

void pass_events(Exchange* ex, std::string_view bytes) {
  while (!bytes.empty()) {
    bytes.remove_prefix(pass_known_events(ex, bytes));
    if (bytes.empty()) return;
    const size_t n = ex->boundary.next(bytes);
    if (n == 0) return hold_tail(ex, bytes);
    const std::string_view raw = bytes.substr(0, n);
    const bool goes_on = ex->reply.empty() ? take_event(ex, raw) : take_joined_event(ex, raw);
    if (!goes_on) return;
    bytes.remove_prefix(n);
  }
}

std::string_view join(Exchange* ex, const SliceList& parts) {
  char* text = ex->attempt_arena.allocate(parts.bytes());
  size_t size = 0;
  for (const Slice& part : parts.span()) {
    std::memcpy(text + size, part.data, part.size);
    size += part.size;
  }
  return {text, size};
}

void translate(Exchange* ex, StreamPhase phase, std::string_view bytes) {
  SliceList out;
  Call call = exchange_call(ex);
  const Nanos begun = worker_clock(ex->worker);
  const auto done = ex->target->adapter->transform_stream(call, phase, bytes, &out, &ex->facts);
  ex->at.translate_ns += worker_clock(ex->worker) - begun;
  const bool first_is_error = !ex->committed && ex->facts.error && ex->facts.seen_choices == 0;
  if (first_is_error && !out.empty()) return fail_first_event(ex, join(ex, out));
  if (!out.empty()) relay_commit(ex, 200, kStreamType);
  for (const Slice& slice : out.span()) relay_push(ex, slice.view());
  if (done) {
    // The slices may lie in scratch, which the next call uses again.
    exchange_flush(ex);
    return;
  }
  if (ex->committed) return relay_on_cut(ex, done.error().message);
  exchange_attempt_failed(ex, error_of(done.error()));
}

// Some servers end without the blank line behind their last event.
bool take_last_tail(Exchange* ex) {
  const std::string_view tail = ex->reply.view();
  if (tail.find_first_not_of("\r\n \t") == std::string_view::npos) return true;
  char scratch[64];
  const auto event = sse_read_event(tail, scratch);
  if (!event) return false;
  if (!event->has_data) return true;
  ReplyView view;
  const bool whole =
      sse_is_done(event->data) ||
      (!event->multi_line && ex->worker->reply_scanner.scan(event->data, &view).has_value());
  if (!whole) return false;
  if (!take_event(ex, tail)) return true;
  if (ex->committed && !ex->run.empty()) relay_push(ex, "\n\n");
  exchange_flush(ex);
  return true;
}

bool is_complete(const Exchange* ex) {
  const StreamFacts& facts = ex->facts;
  if (facts.error) return false;
  if (facts.done) return true;
  return facts.seen_choices != 0 && facts.finished_choices == facts.seen_choices;
}

}  // namespace

void relay_stream_body(Exchange* ex, std::string_view bytes) {
  if (ex->target->adapter->transform_stream == nullptr) return pass_events(ex, bytes);
  translate(ex, StreamPhase::kEvents, bytes);
}

void relay_stream_end(Exchange* ex) {
  const bool passes = ex->target->adapter->transform_stream == nullptr;
  const uint8_t attempt = ex->attempts;
  if (passes) {
    if (!take_last_tail(ex)) return relay_on_cut(ex, "the provider's last event is not complete");
  } else {
    translate(ex, StreamPhase::kEnd, {});
  }
  // The last event may have been an error that sent us on to another target.
  if (ex->state == ExchangeState::kDone || ex->attempts != attempt) return;
  if (!is_complete(ex)) return relay_on_cut(ex, "the provider ended the stream before its finish");
  if (!ex->committed) return relay_on_cut(ex, "the provider sent a stream without an event");
  if (!ex->facts.done) relay_push(ex, "data: [DONE]\n\n");
  relay_finish(ex);
}

}  // namespace weir
