// The reply of a provider, on its way to the client: what to do with its head, whole replies, and
// the writing of everything. Streams are read in relay_stream.cc.
#include <algorithm>
#include <cstring>

#include "adapters/common/openai_shape.h"
#include "base/check.h"
#include "http/bytes.h"
#include "http/write.h"
#include "proxy/cache_use.h"
#include "proxy/exchange.h"
#include "proxy/reply.h"
#include "proxy/upstream_pool.h"
#include "proxy/worker.h"

namespace weir {

namespace {

// What is read of an error reply; the rest cannot matter to a message of 500 bytes.
constexpr size_t kMaxErrorBody = 256 * 1024;

// Pieces of a stream up to this size are copied together, in blocks of the other.
constexpr size_t kGatheredPiece = 1024;
constexpr size_t kGatherBlock = 32 * 1024;

void arm_idle(Exchange* ex) {
  const uint32_t ms = ex->target->provider->timeouts.idle_ms;
  if (ms == 0) return ex->worker->wheel.disarm(&ex->deadline);
  const Millis due = ex->worker->now_ms + ms;
  // One read may bring many pieces of an answer.
  if (ex->deadline.due == due && ex->deadline.armed()) return;
  ex->worker->wheel.arm(&ex->deadline, due);
}

// More of the reply is to come; not asked for a reply that came whole in one read.
void await_more(Exchange* ex) {
  const bool reading =
      ex->state == ExchangeState::kRelaying || ex->state == ExchangeState::kBuffering;
  if (reading && ex->upstream != nullptr && !ex->upstream_paused) arm_idle(ex);
}

uint64_t reply_bound(const Exchange* ex) {
  return ex->mode == ReplyMode::kError ? kMaxErrorBody : ex->worker->limits.max_response_bytes;
}

UpstreamError unavailable(std::string_view message) {
  return error_of({Errc::kUpstreamUnavailable, message});
}

ReplyMode choose_mode(Exchange* ex) {
  const Reply& head = ex->reply_head;
  const Adapter* adapter = ex->target->adapter;
  if (adapter->inspect != nullptr) {
    const Call call = exchange_call(ex);
    if (adapter->inspect(call, head)) return ReplyMode::kInspect;
  }
  if (head.status < 200 || head.status >= 300) return ReplyMode::kError;
  if (!ex->view.stream) return ReplyMode::kWhole;
  const bool json = head.content_type.starts_with("application/json");
  if (head.content_type.starts_with("text/event-stream")) return ReplyMode::kStream;
  const bool other_framing = ex->target->adapter->transform_stream != nullptr && !json;
  if (other_framing && !ex->target->adapter->local) return ReplyMode::kStream;
  return ReplyMode::kWholeToStream;
}

// Moves the fields that are no rate limits to the front; returns how many there are.
size_t without_limits(ResponseHead& head) {
  static constexpr std::string_view kPrefix = "x-ratelimit-";
  size_t left = 0;
  for (size_t i = 0; i < head.kept_count; ++i) {
    if (!equals_folded(head.kept[i].name.substr(0, kPrefix.size()), kPrefix)) {
      head.kept[left++] = head.kept[i];
    }
  }
  return left;
}

// The field lines of the provider's reply that the client may see, in the attempt's arena.
std::string_view keep_fields(Exchange* ex, ResponseHead& head) {
  // Where Weir tells its own limits, the provider's would contradict them.
  if (head.kept_count != 0 && limits_shown(ex)) head.kept_count = without_limits(head);
  size_t room = 0;
  for (size_t i = 0; i < head.kept_count; ++i) {
    room += head.kept[i].name.size() + head.kept[i].value.size() + 4;
  }
  if (room == 0) return {};
  HeadWriter writer = head_begin(&ex->attempt_arena, room);
  for (size_t i = 0; i < head.kept_count; ++i) {
    // As they are: the head they came in has passed a scanner.
    writer.add(head.kept[i].name);
    writer.add(": ");
    writer.add(head.kept[i].value);
    writer.add("\r\n");
  }
  return head_finish(writer, &ex->attempt_arena);
}

// The same fields for the adapter: views into the lines that keep_fields() wrote.
std::span<const HeaderField> reply_fields(Exchange* ex, const ResponseHead& head) {
  const size_t count = head.kept_count + (head.date.empty() ? 0 : 1);
  if (count == 0) return {};
  Arena& arena = ex->attempt_arena;
  auto* fields = reinterpret_cast<HeaderField*>(arena.allocate(count * sizeof(HeaderField)));
  size_t at = 0;
  for (size_t i = 0; i < head.kept_count; ++i) {
    const HeaderField& kept = head.kept[i];
    new (&fields[i]) HeaderField{ex->kept_fields.substr(at, kept.name.size()),
                                 ex->kept_fields.substr(at + kept.name.size() + 2,
                                                        kept.value.size())};
    at += kept.name.size() + kept.value.size() + 4;
  }
  if (!head.date.empty()) new (&fields[count - 1]) HeaderField{"date", arena.copy(head.date)};
  return {fields, count};
}

Reply whole_reply(Exchange* ex, std::string_view body) {
  Reply reply = ex->reply_head;
  reply.body = body;
  return reply;
}

std::string_view collected(Exchange* ex) {
  return ex->whole.empty() ? ex->reply.view() : ex->whole;
}

// A copy that lives as long as the attempt, with scan padding behind it.
std::string_view keep_padded(Exchange* ex, std::string_view body) {
  char* text = ex->attempt_arena.allocate(body.size() + RequestScanner::kPadding);
  std::copy(body.begin(), body.end(), text);
  std::fill_n(text + body.size(), RequestScanner::kPadding, '\0');
  return {text, body.size()};
}

// A reply that is not for the client: kept by the attempt, the connection given back.
Reply keep_reply(Exchange* ex) {
  const Reply reply = whole_reply(ex, keep_padded(ex, collected(ex)));
  ex->whole = {};
  ex->reply.release(ex->worker);
  if (ex->upstream != nullptr) upstream_detach(ex->upstream, true);
  ex->upstream_ended = false;
  ex->connection_reused = ex->replayed = false;
  return reply;
}

void inspect_end(Exchange* ex) {
  new (&ex->inspected) Reply(keep_reply(ex));
  ex->has_inspected = true;
  exchange_run_adapter(ex);
}

void error_end(Exchange* ex) {
  const Reply reply = whole_reply(ex, collected(ex));
  const Adapter* adapter = ex->target->adapter;
  UpstreamError error;
  Call call = exchange_call(ex);
  if (adapter->map_error == nullptr) {
    openai_map_error(call, reply, &error);
  } else {
    adapter->map_error(call, reply, &error);
  }
  exchange_attempt_failed(ex, error);
}

// A 2xx answer is only handed on when it is JSON and no error in disguise.
bool check_whole(Exchange* ex, std::string_view body, ReplyView* view) {
  const auto scanned =
      ex->worker->reply_scanner.scan(body, view, &worker_reply_pattern(ex->worker, *ex->target));
  if (!scanned || !view->is_object) {
    exchange_attempt_failed(ex, unavailable("the provider answered 200 with a body that is not "
                                            "a JSON object"));
    return false;
  }
  if (view->has_error && !view->has_choices && !view->has_data) {
    error_end(ex);
    return false;
  }
  return true;
}

// What is left of a whole answer, as far as the client takes it; the head goes before it.
void write_rest(Exchange* ex, std::string_view head) {
  SliceList room;
  for (;;) {
    const std::span<const Slice> burst = exchange_take_burst(ex, &room);
    if (burst.empty() && head.empty()) break;
    const AnswerPart part{.head = head, .status = 200, .body = burst};
    head = {};
    const Took took = ex->client->ops->write(ex->client, part);
    if (took == Took::kGone) return;
    if (took == Took::kRest) break;
  }
  if (ex->out_sent < ex->out.count()) return;
  if (ex->target != nullptr) exchange_attempt_done(ex, Fault::kNone);
  exchange_finish(ex, Outcome::kCompleted, 200, ClientEnd::kNext);
}

// Head and first burst in one write. A large body goes out as the client takes it, because what
// the kernel does not take at once is copied.
void write_whole(Exchange* ex, const SliceList& body) {
  const auto length = static_cast<int64_t>(body.bytes());
  const std::string_view head =
      reply_head(ex, 200, "application/json", length, ex->kept_fields);
  ex->out = body;
  ex->out_sent = ex->out_offset = 0;
  ex->committed = true;
  ex->state = ExchangeState::kWriting;
  ex->record.response_bytes += body.bytes();
  ex->worker->wheel.disarm(&ex->deadline);
  write_rest(ex, head);
  // The provider has done its part; a slow client must not hold its connection.
  if (ex->state != ExchangeState::kWriting) return;
  ex->at.translate_ns += worker_clock(ex->worker) - ex->at.translate_from;
  ex->at.translate_from = 0;
  if (ex->target != nullptr) exchange_attempt_done(ex, Fault::kNone);
}

// Kept as it goes to the client, for requests that asked for it.
void answer_whole(Exchange* ex, const SliceList& body) {
  if (ex->caching != nullptr) cache_keep(ex, body);
  ex->at.translate_from = ex->worker->now_ns;
  write_whole(ex, body);
}

// One part of a fan-out is there. After the last, the adapter makes one answer of them all.
void part_end(Exchange* ex) {
  size_t held = collected(ex).size();
  for (const Reply& part : ex->parts.first(ex->part)) held += part.body.size();
  if (held > ex->worker->limits.max_response_bytes) {
    return exchange_attempt_failed(ex, unavailable("the provider's answers are together larger "
                                                   "than limits.max_response_bytes"));
  }
  ex->parts[ex->part++] = keep_reply(ex);
  if (ex->part < ex->parts.size()) return exchange_run_adapter(ex);
  SliceList out;
  Call call = exchange_call(ex);
  const auto done =
      ex->target->adapter->transform_response(call, ex->parts.back(), &out, &ex->facts);
  if (!done) return exchange_attempt_failed(ex, error_of(done.error()));
  answer_whole(ex, out);
}

void whole_end(Exchange* ex) {
  if (!ex->parts.empty()) return part_end(ex);
  const std::string_view body = collected(ex);
  ReplyView view;
  if (!check_whole(ex, body, &view)) return;
  ex->facts.usage = view.usage;
  ex->facts.text_bytes = view.delta_text_bytes;
  SliceList out;
  const Adapter* adapter = ex->target->adapter;
  if (adapter->transform_response == nullptr) {
    WEIR_CHECK(out.push(body));
  } else {
    Call call = exchange_call(ex);
    const Reply reply = whole_reply(ex, body);
    const auto done = adapter->transform_response(call, reply, &out, &ex->facts);
    if (!done) return exchange_attempt_failed(ex, error_of(done.error()));
  }
  answer_whole(ex, out);
}

// The provider ignored `stream: true`: its answer becomes the events of a stream.
void whole_to_stream_end(Exchange* ex) {
  const std::string_view body = collected(ex);
  ReplyView view;
  if (!check_whole(ex, body, &view)) return;
  if (!view.has_choices) {
    return exchange_attempt_failed(
        ex, unavailable("the provider answered a request for a stream with something else"));
  }
  SliceList out;
  Call call = exchange_call(ex);
  const auto done = json_to_chunks(call, body, &out, &ex->facts);
  if (!done) return exchange_attempt_failed(ex, error_of(done.error()));
  relay_commit(ex, 200, "text/event-stream; charset=utf-8");
  for (const Slice& slice : out.span()) relay_push(ex, slice.view());
  relay_finish(ex);
}

// A copy behind the one before, in memory that lives until the event at hand has been handled.
std::string_view gather(Exchange* ex, std::string_view piece) {
  if (ex->gather_left < piece.size()) {
    ex->gather_at = ex->worker->scratch.allocate(kGatherBlock);
    ex->gather_left = kGatherBlock;
  }
  char* const copy = ex->gather_at;
  std::memcpy(copy, piece.data(), piece.size());
  ex->gather_at += piece.size();
  ex->gather_left -= piece.size();
  return {copy, piece.size()};
}

// True when the bytes lie behind the run, which they then belong to.
bool join_run(Exchange* ex, std::string_view bytes) {
  if (ex->run.empty() || ex->run.data() + ex->run.size() != bytes.data()) return false;
  ex->run = {ex->run.data(), ex->run.size() + bytes.size()};
  return true;
}

// What the stream has gathered goes out in one write.
void write_stream(Exchange* ex, bool last) {
  std::array<Slice, SliceList::kMax + 1> slices;
  size_t count = 0;
  for (const Slice& slice : ex->pending.span()) slices[count++] = slice;
  if (!ex->run.empty()) slices[count++] = ex->run;
  ex->record.response_bytes += ex->pending.bytes() + ex->run.size();
  const AnswerPart part{.head = ex->pending_head,
                        .status = 200,
                        .body = {slices.data(), count},
                        .stream = true,
                        .last = last};
  ex->pending.clear();
  ex->run = ex->pending_head = {};
  ex->gather_left = 0;
  ex->client->ops->write(ex->client, part);
}

}  // namespace

void exchange_on_head(Exchange* ex, ResponseHead& head) {
  Arena& arena = ex->attempt_arena;
  const Nanos now = ex->worker->now_ns;
  if (ex->at.connected != 0) ex->at.upstream_ns += now - std::min(ex->at.connected, now);
  ex->at.reply_head = now;
  // The request was not taken to its end: this connection cannot carry another.
  if (ex->out_sent < ex->out.count() || ex->upstream->io->queued_bytes != 0) {
    ex->upstream->reusable = false;
  }
  ex->reply_head = Reply{};
  ex->reply_head.status = head.status;
  ex->reply_head.content_type = arena.copy(head.content_type);
  ex->reply_head.retry_after = arena.copy(head.retry_after);
  ex->reply_head.retry_after_ms = arena.copy(head.retry_after_ms);
  ex->reply_head.should_retry = arena.copy(head.should_retry);
  ex->kept_fields = keep_fields(ex, head);
  ex->reply_head.fields = reply_fields(ex, head);
  relay_on_head(ex);
  const bool encoded = !head.content_encoding.empty() && head.content_encoding != "identity";
  if (encoded && ex->mode != ReplyMode::kError && ex->target != nullptr) {
    exchange_attempt_failed(ex, unavailable("the provider sent a content encoding that was not "
                                            "asked for"));
  }
}

void relay_on_head(Exchange* ex) {
  ex->mode = choose_mode(ex);
  ex->state = ex->mode == ReplyMode::kStream ? ExchangeState::kRelaying : ExchangeState::kBuffering;
}

void exchange_on_body(Exchange* ex, std::string_view bytes) {
  // A whole reply in one read is used where it lies; the connection's framing says that it is all.
  const UpstreamConn* conn = ex->upstream;
  const bool all = conn->framing == Framing::kLength && conn->remaining == 0 &&
                   ex->reply.empty() && bytes.size() <= reply_bound(ex);
  if (all && ex->mode != ReplyMode::kStream) {
    ex->whole = bytes;
    return;
  }
  relay_on_body(ex, bytes);
}

void relay_on_body(Exchange* ex, std::string_view bytes) {
  if (ex->mode == ReplyMode::kStream) return relay_stream_body(ex, bytes);
  if (ex->reply.size() + bytes.size() > reply_bound(ex)) {
    if (ex->mode == ReplyMode::kError) return error_end(ex);
    return exchange_attempt_failed(
        ex, unavailable("the provider's answer is larger than limits.max_response_bytes"));
  }
  if (ex->reply.append(ex->worker, bytes)) return;
  exchange_attempt_failed(
      ex, error_of({Errc::kOverloaded, "too many bytes are held for other requests; try again"}));
}

void exchange_on_end(Exchange* ex) {
  ex->upstream_ended = true;
  relay_on_end(ex);
}

void relay_on_end(Exchange* ex) {
  switch (ex->mode) {
    case ReplyMode::kInspect:
      return inspect_end(ex);
    case ReplyMode::kError:
      return error_end(ex);
    case ReplyMode::kWhole:
      return whole_end(ex);
    case ReplyMode::kWholeToStream:
      return whole_to_stream_end(ex);
    case ReplyMode::kStream:
      return relay_stream_end(ex);
    case ReplyMode::kUndecided:
      return;
  }
}

void relay_commit(Exchange* ex, int status, std::string_view content_type) {
  if (ex->committed) return;
  ex->committed = true;
  std::string_view extra = ex->kept_fields;
  constexpr std::string_view kNoCache = "cache-control: no-cache\r\n";
  char* lines = ex->attempt_arena.allocate(extra.size() + kNoCache.size());
  std::copy(extra.begin(), extra.end(), lines);
  std::copy(kNoCache.begin(), kNoCache.end(), lines + extra.size());
  extra = {lines, extra.size() + kNoCache.size()};
  ex->pending_head = reply_head(ex, status, content_type, -1, extra);
  // The request's bytes were kept for another attempt; there will be none now.
  ex->body.release(ex->worker);
}

// Neighbours in memory become one slice: a read of many events goes out as it came. Where the
// framing of chunks stands between small pieces, copying them together costs less than a slice for
// each and the writes that many slices need.
void relay_push(Exchange* ex, std::string_view bytes) {
  if (bytes.empty() || join_run(ex, bytes)) return;
  const bool first = ex->run.empty();
  if (!first && bytes.size() <= kGatheredPiece) {
    bytes = gather(ex, bytes);
    if (join_run(ex, bytes)) return;
  }
  if (!first && !ex->pending.push(ex->run)) exchange_flush(ex);
  ex->run = bytes;
}

void relay_keep_run(Exchange* ex) {
  if (ex->run.empty() || ex->run.size() > kGatheredPiece || !ex->pending.empty()) {
    return exchange_flush(ex);
  }
  ex->run = gather(ex, ex->run);
}

void exchange_flush(Exchange* ex) {
  if (ex->state == ExchangeState::kDone || ex->client == nullptr) return;
  await_more(ex);
  const size_t bytes = ex->pending.bytes() + ex->run.size();
  if (bytes == 0 && ex->pending_head.empty()) return;
  write_stream(ex, false);
  if (ex->upstream == nullptr || !client_above_high_water(ex->client)) return;
  // The client does not keep up: the provider is not read until it has.
  ex->upstream_paused = true;
  upstream_pause(ex->upstream);
  ex->worker->wheel.disarm(&ex->deadline);
}

void relay_resume(Exchange* ex) {
  if (!ex->upstream_paused || ex->upstream == nullptr) return;
  ex->upstream_paused = false;
  arm_idle(ex);
  upstream_resume(ex->upstream);
}

void relay_write(Exchange* ex) { write_rest(ex, {}); }

void relay_kept(Exchange* ex, std::string_view body) {
  SliceList out;
  WEIR_CHECK(out.push(body));
  ex->kept_fields = "x-weir-cache: hit\r\n";
  ex->at.translate_from = worker_clock(ex->worker);
  write_whole(ex, out);
}

void relay_finish(Exchange* ex) {
  write_stream(ex, true);
  exchange_attempt_done(ex, Fault::kNone);
  exchange_finish(ex, Outcome::kCompleted, 200, ClientEnd::kNext);
}

// A stream that broke off must not look finished: an error event, no end mark, no last chunk.
void relay_on_cut(Exchange* ex, std::string_view why, Fault fault) {
  if (!ex->committed) {
    std::string message = "the provider's answer broke off: ";
    message += why;
    return exchange_attempt_failed(ex, unavailable(message));
  }
  ex->record.has_error = true;
  ex->record.error = Errc::kUpstreamIncomplete;
  if (!ex->facts.error) {
    UpstreamError error = error_of({Errc::kUpstreamIncomplete, why});
    relay_push(ex, error_event(ex->attempt_arena, error, ex->request_id));
  }
  exchange_flush(ex);
  exchange_attempt_done(ex, fault);
  exchange_finish(ex, Outcome::kFailed, 200, ClientEnd::kCut);
}

}  // namespace weir
