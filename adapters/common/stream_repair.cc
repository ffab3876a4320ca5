#include "adapters/common/stream_repair.h"

#include <algorithm>
#include <cstring>
#include <new>

#include "adapters/common/arena_text.h"
#include "adapters/common/openai_event_pattern.h"
#include "adapters/common/json_walk.h"
#include "adapters/common/openai_error.h"
#include "adapters/common/openai_stream.h"
#include "adapters/common/reply_repair.h"
#include "http/sse.h"
#include "json/reply_scan.h"
#include "json/request_scan.h"
#include "route/target.h"

namespace weir {

namespace {

// Text in the arena that is overwritten in place as long as it fits.
struct Held {
  char* data;
  size_t size;
  size_t capacity;
  [[nodiscard]] std::string_view view() const { return {data, size}; }
  void add(std::string_view text, Arena& arena) {
    if (capacity - size < text.size()) {
      capacity = std::max<size_t>({1024, capacity * 2, size + text.size()});
      char* larger = arena.allocate(capacity);
      if (size != 0) std::memcpy(larger, data, size);
      data = larger;
    }
    if (!text.empty()) std::memcpy(data + size, text.data(), text.size());
    size += text.size();
  }
};

// Zeroed at the start of an attempt, which is what each member begins with.
struct State {
  SseBoundary boundary;
  Held tail;        // of an event that is not whole yet
  Held usage;       // the last usage that was taken out of a chunk
  Held chunk_head;  // members of the chunk that would carry it
  Held filtered;    // `prompt_filter_results` that wait for the first chunk with a choice
  OpenCalls* calls;
  EventPattern* pattern;      // of the last event that passed as it came; null until there was one
  uint64_t pattern_finished;  // what was finished then: later events of it may be left out
  bool usage_sent;
  bool done_sent;
  bool after_cr;  // the last event ended in CR: a line feed that comes first belongs to it
  bool passed;    // the last event was passed as it came
  bool failed;    // an error went out: nothing may follow
};
static_assert(sizeof(State) <= kStreamRepairBytes);

// The output of one call: a run of bytes that pass as they are, then text written here. Once there
// is text, what follows is copied to it, so the list never needs more than two slices.
class Output {
 public:
  explicit Output(Call& call) : call_(call) {}

  void pass(std::string_view bytes) {
    if (text_ == nullptr && (run_.empty() || run_.data() + run_.size() == bytes.data())) {
      run_ = {run_.empty() ? bytes.data() : run_.data(), run_.size() + bytes.size()};
      return;
    }
    write().add(bytes);
  }
  ArenaText& write() {
    if (text_ == nullptr) {
      text_ = new (call_.scratch.allocate(sizeof(ArenaText))) ArenaText(call_.scratch, 2048);
    }
    return *text_;
  }
  [[nodiscard]] bool finish(SliceList* out) const {
    return out->push(Slice(run_)) && (text_ == nullptr || out->push(Slice(text_->view())));
  }

 private:
  Call& call_;
  std::string_view run_;
  ArenaText* text_ = nullptr;
};

// An error that does not say so: a flat body, or problem details, where a chunk is expected.
bool is_bare_error(std::string_view data) {
  if (data.find("\"choices\"") != data.npos || !json_is_object(data)) return false;
  if (!json_is_none(json_member(data, "choices"))) return false;
  const bool says = json_is_string(json_member(data, "message")) ||
                    json_is_string(json_member(data, "detail")) ||
                    json_is_string(json_member(data, "title"));
  return says &&
         (!json_is_none(json_member(data, "code")) || !json_is_none(json_member(data, "status")) ||
          json_is_string(json_member(data, "type")));
}

class Repairer {
 public:
  Repairer(Call& call, const Quirks& quirks, StreamFacts* facts)
      : call_(call),
        facts_(facts),
        state_(*call.state.as<State>()),
        quirks_(quirks),
        output_(call) {}

  Result<void> events(std::string_view in);
  Result<void> end();
  Result<void> finish(SliceList* out) {
    if (output_.finish(out)) return {};
    return std::unexpected(Error{Errc::kInternal, "no room for the events", {}});
  }

 private:
  size_t pass_known(std::string_view in);
  void learn(std::string_view raw, const StreamFacts& before);
  Result<void> event(std::string_view raw, bool borrowed);
  Result<void> chunk(std::string_view raw, std::string_view data, bool borrowed);
  void pass(std::string_view raw, bool borrowed) {
    state_.passed = true;
    if (borrowed) {
      output_.pass(raw);
    } else {
      output_.write().add(raw);
    }
  }
  [[nodiscard]] bool filter_takes(std::string_view raw);
  [[nodiscard]] bool filter_tells(std::string_view raw);
  void usage_take(std::string_view usage, std::string_view data);
  void usage_send();
  void error_event(std::string_view raw, bool borrowed);
  void error_write(std::string_view message, std::string_view type, std::string_view code);
  void empty_calls_close(uint64_t finishing, std::string_view data);

  Call& call_;
  StreamFacts* facts_;
  State& state_;
  const Quirks& quirks_;
  Output output_;
};

// Passes the events in front that are like the last clean one, and returns their bytes: what is in
// their text makes no quirk.
size_t Repairer::pass_known(std::string_view in) {
  if (state_.pattern == nullptr || state_.pattern_finished != facts_->finished_choices) return 0;
  if (state_.tail.size != 0 || state_.failed || !state_.boundary.at_line_start()) return 0;
  const size_t size = state_.pattern->match_run(in, &facts_->text_bytes);
  if (size == 0) return 0;
  state_.after_cr = false;
  pass(in.substr(0, size), true);
  return size;
}

void Repairer::learn(std::string_view raw, const StreamFacts& before) {
  if (state_.pattern == nullptr) {
    state_.pattern = new (call_.arena.allocate(sizeof(EventPattern))) EventPattern();
  }
  if (state_.pattern->learn(raw, before, *facts_)) {
    state_.pattern_finished = facts_->finished_choices;
  }
}

Result<void> Repairer::events(std::string_view in) {
  for (;;) {
    in.remove_prefix(pass_known(in));
    const size_t size = state_.boundary.next(in);
    if (size == 0) break;
    const std::string_view piece = in.substr(0, size);
    in.remove_prefix(size);
    const bool borrowed = state_.tail.size == 0;
    if (!borrowed) state_.tail.add(piece, call_.arena);
    auto handled = event(borrowed ? piece : state_.tail.view(), borrowed);
    if (!handled) return handled;
    state_.tail.size = 0;
  }
  if (state_.tail.size + in.size() > kMaxEventBytes) {
    return std::unexpected(
        Error{Errc::kUpstreamUnavailable, "an event of the stream is too large"});
  }
  if (!in.empty()) state_.tail.add(in, call_.arena);
  return {};
}

// Some servers close cleanly without the last blank line: what is held counts if it is whole.
Result<void> Repairer::end() {
  if (state_.tail.size != 0) {
    const std::string_view tail = state_.tail.view();
    char* padded = call_.scratch.allocate(tail.size() + RequestScanner::kPadding);
    const auto read = sse_read_event(tail, {padded, tail.size()});
    const std::string_view data = read ? json_trim(read->data) : std::string_view{};
    bool whole = sse_is_done(data);
    if (!whole && !data.empty()) {
      std::memmove(padded, data.data(), data.size());
      std::memset(padded + data.size(), 0, RequestScanner::kPadding);
      ReplyView view;
      whole = call_.scanner.scan({padded, data.size()}, &view).has_value();
    }
    if (whole) {
      ArenaText closed(call_.scratch, tail.size() + 2);
      std::string_view text = tail;
      while (text.ends_with('\n') || text.ends_with('\r')) text.remove_suffix(1);
      auto handled = event(closed.add(text).add("\n\n").view(), false);
      if (!handled) return handled;
    }
    state_.tail.size = 0;
  }
  if (facts_->seen_choices != 0 && facts_->seen_choices == facts_->finished_choices) usage_send();
  return {};
}

Result<void> Repairer::event(std::string_view raw, bool borrowed) {
  if (state_.after_cr && raw == "\n") {
    state_.after_cr = false;
    if (state_.passed) pass(raw, borrowed);
    return {};
  }
  state_.after_cr = raw.ends_with('\r');
  state_.passed = false;
  if (state_.failed) return {};
  if (quirks_.filter_results && (filter_takes(raw) || filter_tells(raw))) return {};
  const StreamFacts before = *facts_;
  const EventVerdict verdict = openai_observe_event(raw, call_.request.include_usage, facts_);
  if (verdict == EventVerdict::kDone) {
    usage_send();
    state_.done_sent = true;
    pass(raw, borrowed);
    return {};
  }
  if (verdict == EventVerdict::kQuiet) {
    pass(raw, borrowed);
    return {};
  }
  if (verdict == EventVerdict::kError) {
    error_event(raw, borrowed);
    return {};
  }
  char* joined = call_.scratch.allocate(raw.size());
  const auto read = sse_read_event(raw, {joined, raw.size()});
  if (!read) return std::unexpected(read.error());
  const std::string_view data = json_trim(read->data);
  if (verdict == EventVerdict::kHide) {
    usage_take(json_member(data, "usage"), data);
    return {};
  }
  if (is_bare_error(data)) {
    facts_->error = true;
    error_event(raw, borrowed);
    return {};
  }
  if (!reply_may_have_quirk(data, quirks_, true, state_.calls != nullptr)) {
    learn(raw, before);
    pass(raw, borrowed);
    return {};
  }
  return chunk(raw, data, borrowed);
}

// What Azure's filter says of the prompt comes first, in a chunk without choices, id and model;
// clients that take all of these from the first chunk would keep the empty ones. It goes out with
// the first real chunk instead. True: the event is taken.
bool Repairer::filter_takes(std::string_view raw) {
  if (facts_->seen_choices != 0) return false;
  char* joined = call_.scratch.allocate(raw.size());
  const auto read = sse_read_event(raw, {joined, raw.size()});
  if (!read || !read->has_data) return false;
  const std::string_view data = json_trim(read->data);
  const std::string_view choices = json_member(data, "choices");
  const bool silent = json_is_empty_array(choices) && json_is_none(json_member(data, "usage")) &&
                      json_is_none(json_member(data, "error"));
  if (silent) {
    const std::string_view results = json_member(data, "prompt_filter_results");
    state_.filtered.size = 0;
    if (json_is_array(results)) state_.filtered.add(results, call_.arena);
    return true;
  }
  if (state_.filtered.size == 0 || !json_is_array(choices) || json_is_empty_array(choices)) {
    return false;
  }
  if (!json_member(data, "prompt_filter_results").empty()) return false;
  ArenaText joint(call_.scratch, raw.size() + state_.filtered.size + 64);
  joint.add("data: {\"prompt_filter_results\":").add(state_.filtered.view()).add(",");
  joint.add(data.substr(1)).add("\n\n");
  state_.filtered.size = 0;
  static_cast<void>(event(joint.view(), false));
  return true;
}

// After a choice is finished the asynchronous filter may still tell where it has looked; a chunk
// behind the end of a choice is nothing a client can use. True: the event is left out.
bool Repairer::filter_tells(std::string_view raw) {
  if (facts_->finished_choices == 0) return false;
  char* joined = call_.scratch.allocate(raw.size());
  const auto read = sse_read_event(raw, {joined, raw.size()});
  if (!read || !read->has_data) return false;
  size_t position = 0;
  bool only_finished = false;
  JsonElements each(json_member(json_trim(read->data), "choices"));
  while (each.next()) {
    const int64_t index =
        json_integer(json_member(each.value(), "index"), static_cast<int64_t>(position));
    only_finished = index >= 0 && index < 64 && (facts_->finished_choices >> index & 1) != 0;
    if (!only_finished) return false;
    ++position;
  }
  return only_finished && json_is_none(json_member(json_trim(read->data), "usage"));
}

Result<void> Repairer::chunk(std::string_view raw, std::string_view data, bool borrowed) {
  if (!json_is_object(data)) {
    return std::unexpected(Error{Errc::kUpstreamUnavailable, "an event of the stream is no JSON"});
  }
  if (state_.calls == nullptr) {
    state_.calls = new (call_.arena.allocate(sizeof(OpenCalls))) OpenCalls();
  }
  ReplyRepair repair{call_, quirks_, true, state_.calls, {}, 0};
  ArenaText repaired(call_.scratch, data.size() + 256);
  switch (repair.run(data, &repaired)) {
    case RepairResult::kBroken:
      return std::unexpected(
          Error{Errc::kUpstreamUnavailable, "an event of the stream is no JSON"});
    case RepairResult::kAborted:
      facts_->error = true;
      facts_->finished_choices &= ~repair.finishing;
      error_write("the provider aborted the generation", "server_error", "upstream_aborted");
      return {};
    case RepairResult::kUnchanged:
      empty_calls_close(repair.finishing, data);
      if (json_is_object(json_member(data, "usage"))) state_.usage_sent = true;
      pass(raw, borrowed);
      return {};
    case RepairResult::kChanged:
      break;
  }
  if (!repair.usage.empty()) usage_take(repair.usage, data);
  if (repair.usage.empty() && json_is_object(json_member(data, "usage"))) state_.usage_sent = true;
  empty_calls_close(repair.finishing, data);
  output_.write().add("data: ").add(repaired.view()).add("\n\n");
  return {};
}

void Repairer::usage_take(std::string_view usage, std::string_view data) {
  state_.usage.size = 0;
  state_.usage.add(usage, call_.arena);
  if (state_.chunk_head.size != 0) return;
  ArenaText head(call_.scratch, 256);
  chunk_head_write(call_, data, &head);
  state_.chunk_head.add(head.view(), call_.arena);
}

void Repairer::usage_send() {
  if (!call_.request.include_usage || state_.usage_sent || state_.done_sent) return;
  if (state_.failed || state_.usage.size == 0) return;
  state_.usage_sent = true;
  output_.write()
      .add("data: {")
      .add(state_.chunk_head.view())
      .add(",\"choices\":[],\"usage\":")
      .add(state_.usage.view())
      .add("}\n\n");
}

// An error as the first event is handed on as it came: the engine turns it into a failed reply.
void Repairer::error_event(std::string_view raw, bool borrowed) {
  if (facts_->seen_choices == 0) {
    state_.failed = true;
    return pass(raw, borrowed);
  }
  UpstreamError error;
  openai_map_stream_error(call_, raw, &error);
  error_write(error.message, error.type.empty() ? "server_error" : error.type, error.wire_code);
}

void Repairer::error_write(std::string_view message, std::string_view type, std::string_view code) {
  state_.failed = true;
  ArenaText& text = output_.write();
  text.add("data: {\"error\":{\"message\":").add_quoted(message);
  text.add(",\"type\":").add_quoted(type).add(",\"param\":null,\"code\":");
  if (code.empty()) {
    text.add("null");
  } else {
    text.add_quoted(code);
  }
  text.add("}}\n\n");
}

// A call that is over without any arguments was one without parameters: its text is "{}".
void Repairer::empty_calls_close(uint64_t finishing, std::string_view data) {
  if (finishing == 0) return;
  for (size_t i = 0; i < state_.calls->count(); ++i) {
    OpenCall& open = state_.calls->at(i);
    const bool ends = open.choice >= 0 && open.choice < 64 && (finishing >> open.choice & 1) != 0;
    if (!ends || open.arguments) continue;
    open.arguments = true;
    ArenaText& text = output_.write();
    text.add("data: {");
    chunk_head_write(call_, data, &text);
    text.add(",\"choices\":[{\"index\":").add_number(open.choice);
    text.add(",\"delta\":{\"tool_calls\":[{\"index\":").add_number(open.index);
    text.add(",\"function\":{\"arguments\":\"{}\"}}]},\"finish_reason\":null}]}\n\n");
  }
}

}  // namespace

Result<void> stream_repair(Call& call, const Quirks& quirks, StreamPhase phase, std::string_view in,
                           SliceList* out, StreamFacts* facts) {
  Repairer repairer(call, quirks, facts);
  auto handled = phase == StreamPhase::kEvents ? repairer.events(in) : repairer.end();
  if (!handled) return handled;
  return repairer.finish(out);
}

}  // namespace weir
