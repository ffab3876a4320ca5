#include "adapters/watsonxai/stream.h"

#include <algorithm>
#include <cstring>
#include <new>

#include "adapters/common/chunk_writer.h"
#include "adapters/common/json_walk.h"
#include "adapters/common/openai_chunks.h"
#include "adapters/watsonxai/error.h"
#include "adapters/watsonxai/held_text.h"
#include "adapters/watsonxai/reply.h"
#include "adapters/watsonxai/stream_calls.h"
#include "http/sse.h"
#include "json/reply_scan.h"
#include "json/request_scan.h"
#include "route/target.h"

namespace weir::watsonx {

struct StreamState {
  SseBoundary boundary;
  HeldText tail;       // of an event that is not whole yet
  HeldText trouble;    // an error event of plain words: it counts if no answer comes
  ChunkStream chunks;
  StreamCalls* calls = nullptr;
  std::string_view text_head;  // of each event of a completion, up to its text
  int64_t input_tokens = -1;
  int64_t output_tokens = -1;
  Usage usage;
};

namespace {

constexpr size_t kMaxTrouble = 500;
constexpr uint32_t kMaxChoices = 64;

// One call of the transform.
class Translator {
 public:
  Translator(Call& call, StreamState& state, StreamFacts* facts, size_t in_bytes)
      : call_(call),
        state_(state),
        facts_(facts),
        chunks_(call, &state.chunks, facts, in_bytes + 512),
        text_(call.scratch, in_bytes / 2 + 128) {}

  Result<void> events(std::string_view in);
  void end();
  Result<void> flush(SliceList* out) const {
    // Of a completion only the error is written as a chunk, and nothing follows an error.
    if (!out->push(Slice(text_.view()))) {
      return std::unexpected(Error{Errc::kInternal, "no room for the events"});
    }
    return chunks_.flush(out);
  }

 private:
  void event(std::string_view raw);
  void data(std::string_view json, bool is_error);
  void trouble(std::string_view text);
  void fail(std::string_view json);
  void fail(int status, std::string_view message) { chunks_.error({status, {}, {}, message}); }
  [[nodiscard]] bool complete() const {
    return facts_->seen_choices != 0 && facts_->seen_choices == facts_->finished_choices;
  }

  void chat(std::string_view json);
  void chat_choice(std::string_view choice, int64_t position, bool blocked);
  void chat_delta(std::string_view delta, uint32_t index);
  void generation(std::string_view json);
  void generation_event(std::string_view model, std::string_view text, std::string_view reason);
  void generation_usage();

  Call& call_;
  StreamState& state_;
  StreamFacts* facts_;
  ChunkWriter chunks_;
  ArenaText text_;
};

Result<void> Translator::events(std::string_view in) {
  size_t size = 0;
  while ((size = state_.boundary.next(in)) != 0) {
    const std::string_view piece = in.substr(0, size);
    in.remove_prefix(size);
    if (state_.tail.size == 0) {
      event(piece);
      continue;
    }
    state_.tail.add(piece, call_.arena);
    event(state_.tail.view());
    state_.tail.clear();
  }
  if (state_.tail.size + in.size() > kMaxEventBytes) {
    return std::unexpected(
        Error{Errc::kUpstreamUnavailable, "an event of the stream is too large"});
  }
  state_.tail.add(in, call_.arena);
  return {};
}

// The last event often comes without its blank line.
void Translator::end() {
  if (state_.tail.size != 0) event(state_.tail.view());
  state_.tail.clear();
  if (state_.chunks.ended) return;
  if (facts_->seen_choices == 0 && state_.trouble.size != 0) {
    return fail(502, state_.trouble.view());
  }
  if (!complete()) return;
  if (call_.endpoint == Endpoint::kCompletions) return generation_usage();
  if (state_.usage.source != UsageSource::kNone) chunks_.usage(state_.usage);
}

void Translator::event(std::string_view raw) {
  if (state_.chunks.ended) return;
  char* joined = call_.scratch.allocate(raw.size() + RequestScanner::kPadding);
  const auto read = sse_read_event(raw, {joined, raw.size()});
  if (!read || !read->has_data || sse_is_done(read->data)) return;
  const std::string_view text = json_trim(read->data);
  if (text.empty()) return;
  std::memmove(joined, text.data(), text.size());
  std::memset(joined + text.size(), 0, RequestScanner::kPadding);
  data({joined, text.size()}, read->event == "error");
}

void Translator::data(std::string_view json, bool is_error) {
  ReplyView view;
  const bool whole = call_.scanner.scan(json, &view).has_value();
  if (!whole || !view.is_object) {
    if (is_error) return trouble(json);
    return fail(502, "the provider sent an event that is no JSON object");
  }
  const bool has_errors = json_is_array(json_member(json, "errors"));
  if (has_errors || view.has_error) return fail(json);
  if (is_error && !view.error_message.empty()) return trouble(view.error_message);
  if (is_error) return;
  if (call_.endpoint == Endpoint::kCompletions) return generation(json);
  chat(json);
}

// Words alone do not say how bad it is: answers have come behind them. An answer that began and
// does not end well is an error in any case.
void Translator::trouble(std::string_view text) {
  state_.trouble.clear();
  state_.trouble.add(text.substr(0, kMaxTrouble), call_.arena);
}

void Translator::fail(std::string_view json) {
  ErrorReading reading;
  if (error_read(json, 200, call_.scratch, &reading)) {
    return chunks_.error({reading.status, reading.type, reading.code, reading.message});
  }
  ReplyView view;
  static_cast<void>(call_.scanner.scan(json, &view));
  chunks_.error({view.error_status != 0 ? view.error_status : 502, view.error_type,
                 view.error_code,
                 view.error_message.empty() ? "the provider reported an error"
                                            : view.error_message});
}

void Translator::chat(std::string_view json) {
  std::string_view id, model, model_id, choices, system;
  int64_t created = 0;
  JsonMembers members(json);
  while (members.next()) {
    const std::string_view key = members.key();
    const std::string_view value = members.value();
    if (key == "id") id = json_inner(value);
    if (key == "model") model = json_inner(value);
    if (key == "model_id") model_id = json_inner(value);
    if (key == "created") created = json_integer(value, 0);
    if (key == "choices") choices = value;
    if (key == "system") system = value;
    if (key == "usage" && usage_read(value, &state_.usage)) facts_->usage = state_.usage;
  }
  if (!json_is_array(choices) || json_is_empty_array(choices)) return;
  chunks_.begin(id, model.empty() ? model_id : model, created);
  const bool blocked = is_blocked(system);
  int64_t position = 0;
  JsonElements each(choices);
  while (each.next() && !state_.chunks.ended) chat_choice(each.value(), position++, blocked);
}

void Translator::chat_choice(std::string_view choice, int64_t position, bool blocked) {
  const int64_t sent = json_integer(json_member(choice, "index"), position);
  if (sent < 0 || sent >= kMaxChoices) return fail(502, "the provider sent too many choices");
  const auto index = static_cast<uint32_t>(sent);
  if ((facts_->finished_choices >> index & 1) != 0) return;
  std::string_view reason = reason_word(json_inner(json_member(choice, "finish_reason")));
  const std::string_view delta = json_member(choice, "delta");
  if (reason == "error" && facts_->seen_choices == 0) {
    return fail(502, "the provider failed while it generated");
  }
  chunks_.role(index);
  chat_delta(delta, index);
  if (state_.chunks.ended) return;
  if (reason == "error") return fail(502, "the provider failed while it generated");
  // What was blocked has no delta, and nothing comes behind it.
  if (reason.empty() && blocked && !json_is_object(delta)) reason = "content_filter";
  if (reason.empty()) return;
  if (state_.calls != nullptr) state_.calls->close(call_, &chunks_, index);
  chunks_.finish(reason, index);
}

void Translator::chat_delta(std::string_view delta, uint32_t index) {
  std::string_view content, reasoning, refusal, tools;
  JsonMembers members(delta);
  while (members.next()) {
    if (members.key() == "content") content = json_inner(members.value());
    if (members.key() == "reasoning_content") reasoning = json_inner(members.value());
    if (members.key() == "refusal") refusal = json_inner(members.value());
    if (members.key() == "tool_calls") tools = members.value();
  }
  chunks_.reasoning(reasoning, index);
  chunks_.content(content, index);
  chunks_.refusal(refusal, index);
  JsonElements each(tools);
  while (each.next()) {
    if (state_.calls == nullptr) {
      state_.calls = new (call_.arena.allocate(sizeof(StreamCalls))) StreamCalls();
    }
    if (state_.calls->delta(call_, &chunks_, each.value(), index)) continue;
    return fail(502, "the provider sent too many tool calls");
  }
}

void Translator::generation(std::string_view json) {
  JsonElements results(json_member(json, "results"));
  if (!results.next()) return;
  const std::string_view result = results.value();
  const std::string_view text = json_inner(json_member(result, "generated_text"));
  std::string_view reason = reason_word(json_inner(json_member(result, "stop_reason")));
  // The prompt is counted in the first event only, what was generated again in each.
  state_.input_tokens = std::max(
      state_.input_tokens, json_integer(json_member(result, "input_token_count"), -1));
  state_.output_tokens = std::max(
      state_.output_tokens, json_integer(json_member(result, "generated_token_count"), -1));
  facts_->usage = usage_make(state_.input_tokens, state_.output_tokens);
  if (reason == "error") return fail(502, "the provider failed while it generated");
  if (reason.empty() && is_blocked(json_member(json, "system"))) reason = "content_filter";
  if (text.empty() && reason.empty()) return;
  if (facts_->finished_choices != 0) return;
  generation_event(json_member(json, "model_id"), text, reason);
}

void Translator::generation_event(std::string_view model, std::string_view text,
                                  std::string_view reason) {
  if (state_.text_head.empty()) {
    ArenaText head(call_.arena, 256);
    head.add("data: {\"id\":\"cmpl-").add(random_text(call_.random, 0, 24, call_.arena));
    head.add("\",\"object\":\"text_completion\",\"created\":").add_number(call_.unix_ms / 1000);
    head.add(",\"model\":").add(json_is_string(model) ? model : call_.target.model_json);
    state_.text_head = head.add(",\"choices\":[").view();
  }
  facts_->seen_choices = 1;
  facts_->text_bytes += text.size();
  if (!reason.empty()) facts_->finished_choices = 1;
  text_.add(state_.text_head).add("{\"text\":\"").add(text);
  text_.add("\",\"index\":0,\"logprobs\":null,\"finish_reason\":");
  if (reason.empty()) {
    text_.add("null");
  } else {
    text_.add("\"").add(reason).add("\"");
  }
  text_.add(call_.request.include_usage ? "}],\"usage\":null}\n\n" : "}]}\n\n");
}

void Translator::generation_usage() {
  if (!call_.request.include_usage || facts_->usage.source == UsageSource::kNone) return;
  text_.add(state_.text_head).add("],\"usage\":");
  usage_write(facts_->usage, {}, &text_);
  text_.add("}\n\n");
}

}  // namespace

Result<void> stream_transform(Call& call, StreamState** state, StreamPhase phase,
                              std::string_view in, SliceList* out, StreamFacts* facts) {
  if (*state == nullptr) *state = new (call.arena.allocate(sizeof(StreamState))) StreamState();
  Translator translator(call, **state, facts, in.size());
  if (phase == StreamPhase::kEnd) {
    translator.end();
  } else if (auto taken = translator.events(in); !taken) {
    return taken;
  }
  return translator.flush(out);
}

}  // namespace weir::watsonx
