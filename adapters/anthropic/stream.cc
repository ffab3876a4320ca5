#include "adapters/anthropic/stream.h"

#include <algorithm>
#include <cstring>

#include "adapters/anthropic/attempt_state.h"
#include "adapters/anthropic/errors.h"
#include "adapters/anthropic/reply.h"
#include "adapters/anthropic/usage.h"
#include "adapters/common/chunk_writer.h"
#include "adapters/common/json_walk.h"
#include "json/json_write.h"
#include "json/reply_scan.h"
#include "json/request_scan.h"

namespace weir {

namespace {

using Kind = OpenBlock::Kind;

constexpr size_t kMaxEventBytes = 8 * 1024 * 1024;

std::unexpected<Error> broken(std::string_view message) {
  return std::unexpected(Error{Errc::kUpstreamUnavailable, message});
}

// Members of an event; all of them JSON text.
struct Event {
  std::string_view type;
  std::string_view index;
  std::string_view delta;
  std::string_view block;
  std::string_view message;
  std::string_view usage;
  std::string_view error;
};

bool event_read(std::string_view data, Event* event) {
  JsonMembers members(data);
  while (members.next()) {
    const std::string_view key = members.key();
    if (key == "type") event->type = json_inner(members.value());
    if (key == "index") event->index = members.value();
    if (key == "delta") event->delta = members.value();
    if (key == "content_block") event->block = members.value();
    if (key == "message") event->message = members.value();
    if (key == "usage") event->usage = members.value();
    if (key == "error") event->error = members.value();
  }
  return !members.failed();
}

class Translator {
 public:
  Translator(Call& call, StreamFacts* facts, size_t bytes)
      : call_(call),
        state_(attempt_state(call)),
        facts_(facts),
        writer_(call, &state_.chunks, facts, bytes * 2 + 512) {}

  Result<void> events(std::string_view in);
  Result<void> end();
  Result<void> finish(SliceList* out) const { return writer_.flush(out); }

 private:
  Result<void> raw_event(std::string_view raw);
  Result<void> data_event(std::string_view data);
  // The form in which nearly every event comes; false for any other.
  bool plain_delta(std::string_view data);
  void hold(std::string_view piece);
  void message_start(std::string_view message);
  Result<void> block_start(const Event& event);
  void block_delta(const Event& event);
  void block_stop(int64_t index);
  void arguments(int64_t index, std::string_view escaped);
  void message_delta(const Event& event);
  void message_stop();
  OpenBlock* block_find(int64_t index);
  OpenBlock* block_new(int64_t index);

  Call& call_;
  AttemptState& state_;
  StreamFacts* facts_;
  ChunkWriter writer_;
};

Result<void> Translator::events(std::string_view in) {
  size_t size = 0;
  while ((size = state_.boundary.next(in)) != 0) {
    std::string_view raw = in.substr(0, size);
    in.remove_prefix(size);
    if (state_.tail_size != 0) {
      hold(raw);
      raw = {state_.tail, state_.tail_size};
      state_.tail_size = 0;
    }
    if (auto done = raw_event(raw); !done) return done;
  }
  if (state_.tail_size + in.size() > kMaxEventBytes) {
    return broken("an event of the stream is too large");
  }
  hold(in);
  return {};
}

// Without the last blank line an event counts if it is whole.
Result<void> Translator::end() {
  const std::string_view raw(state_.tail, state_.tail_size);
  state_.tail_size = 0;
  char* scratch = call_.scratch.allocate(raw.size() + RequestScanner::kPadding);
  const auto read = sse_read_event(raw, {scratch, raw.size()});
  if (!read || !read->has_data) return {};
  std::memmove(scratch, read->data.data(), read->data.size());
  std::memset(scratch + read->data.size(), 0, RequestScanner::kPadding);
  ReplyView view;
  const std::string_view data(scratch, read->data.size());
  return call_.scanner.scan(data, &view) ? data_event(data) : Result<void>{};
}

void Translator::hold(std::string_view piece) {
  if (piece.empty()) return;
  if (state_.tail_capacity - state_.tail_size < piece.size()) {
    const size_t capacity =
        std::max<size_t>({1024, state_.tail_capacity * 2, state_.tail_size + piece.size()});
    char* larger = call_.arena.allocate(capacity);
    if (state_.tail_size != 0) std::memcpy(larger, state_.tail, state_.tail_size);
    state_.tail = larger;
    state_.tail_capacity = capacity;
  }
  std::memcpy(state_.tail + state_.tail_size, piece.data(), piece.size());
  state_.tail_size += piece.size();
}

// Nothing follows the end of a message or an error.
Result<void> Translator::raw_event(std::string_view raw) {
  if (state_.chunks.ended) return {};
  constexpr std::string_view kDeltaHead = "event: content_block_delta\ndata: ";
  if (raw.starts_with(kDeltaHead)) {
    std::string_view line = raw.substr(kDeltaHead.size());
    line = line.substr(0, line.find('\n'));
    const bool alone = kDeltaHead.size() + line.size() + 2 == raw.size();
    if (alone && plain_delta(line)) return {};
  }
  char* joined = call_.scratch.allocate(raw.size() + RequestScanner::kPadding);
  const auto read = sse_read_event(raw, {joined, raw.size()});
  if (!read) return std::unexpected(read.error());
  if (!read->has_data || sse_is_done(read->data)) return {};
  if (read->multi_line) {
    // A line end within a string would break the chunk that it goes into.
    std::memset(joined + read->data.size(), 0, RequestScanner::kPadding);
    ReplyView view;
    if (!call_.scanner.scan(read->data, &view)) return broken("an event of the stream is no JSON");
  }
  return data_event(read->data);
}

// Compares with the text that the provider writes, instead of walking over it; a character that is
// different anywhere leaves the event to the walk.
bool Translator::plain_delta(std::string_view data) {
  const auto take = [&data](std::string_view token) {
    if (!data.starts_with(token)) return false;
    data.remove_prefix(token.size());
    return true;
  };
  if (!take("{\"type\":\"content_block_delta\",\"index\":") || data.size() < 2) return false;
  const int64_t index = data[0] - '0';
  if (index < 0 || index > 9 || data[1] != ',') return false;
  data.remove_prefix(1);
  if (!take(",\"delta\":{\"type\":\"")) return false;
  const bool text = take("text_delta\",\"text\":");
  const bool thinking = !text && take("thinking_delta\",\"thinking\":");
  if (!text && !thinking && !take("input_json_delta\",\"partial_json\":")) return false;
  if (!data.starts_with('"')) return false;
  const size_t end = json_skip_value(data, 0);
  if (end == std::string_view::npos || !data.substr(end).starts_with("}")) return false;
  if (!json_trim(data.substr(end + 1)).starts_with("}")) return false;
  const std::string_view escaped = data.substr(1, end - 2);
  if (!text && !thinking) {
    arguments(index, escaped);
    return true;
  }
  const OpenBlock* block = block_find(index);
  if (block != nullptr && block->kind == Kind::kIgnored) return true;
  if (!writer_.begun()) message_start({});
  if (text) {
    writer_.content(escaped);
  } else {
    writer_.reasoning(escaped);
  }
  return true;
}

Result<void> Translator::data_event(std::string_view data) {
  if (state_.chunks.ended) return {};
  Event event;
  if (!json_is_object(json_trim(data)) || !event_read(data, &event)) {
    return broken("an event of the stream is no JSON");
  }
  if (event.type == "error" || (event.type.empty() && json_is_object(event.error))) {
    writer_.error(anthropic_stream_error(event.error, call_.scratch));
    return {};
  }
  if (event.type == "message_start") {
    message_start(event.message);
    return {};
  }
  const bool known = event.type.starts_with("content_block_") || event.type.starts_with("message_");
  if (!known) return {};
  if (!writer_.begun()) message_start({});
  if (event.type == "content_block_start") return block_start(event);
  if (event.type == "content_block_delta") block_delta(event);
  if (event.type == "content_block_stop") block_stop(json_integer(event.index, -1));
  if (event.type == "message_delta") message_delta(event);
  if (event.type == "message_stop") message_stop();
  return {};
}

// A second start, as some proxies send it, changes nothing.
void Translator::message_start(std::string_view message) {
  if (writer_.begun()) return;
  writer_.begin(json_inner(json_member(message, "id")), json_inner(json_member(message, "model")));
  message_usage_read(json_member(message, "usage"), &state_.usage);
  // The output's count of the start says nothing; the prompt's holds should the end never come.
  facts_->usage = message_usage_total(state_.usage);
  facts_->usage.completion_tokens = facts_->usage.total_tokens = -1;
  facts_->usage.source = UsageSource::kNone;
}

OpenBlock* Translator::block_find(int64_t index) {
  if (state_.blocks == nullptr) return nullptr;
  for (size_t i = 0; i < kOpenBlocks; ++i) {
    if (state_.blocks[i].used && state_.blocks[i].index == index) return &state_.blocks[i];
  }
  return nullptr;
}

OpenBlock* Translator::block_new(int64_t index) {
  if (OpenBlock* known = block_find(index); known != nullptr) return known;
  if (state_.blocks == nullptr) {
    constexpr size_t kBytes = sizeof(OpenBlock) * kOpenBlocks;
    char* memory = call_.arena.allocate(kBytes);
    std::memset(memory, 0, kBytes);
    state_.blocks = reinterpret_cast<OpenBlock*>(memory);
  }
  for (size_t i = 0; i < kOpenBlocks; ++i) {
    if (!state_.blocks[i].used) return &state_.blocks[i];
  }
  return nullptr;
}

Result<void> Translator::block_start(const Event& event) {
  const int64_t index = json_integer(event.index, -1);
  OpenBlock* block = block_new(index);
  if (block == nullptr) return broken("the stream has too many open content blocks");
  *block = OpenBlock{};
  block->used = true;
  block->index = index;
  writer_.role();
  const std::string_view type = json_inner(json_member(event.block, "type"));
  if (type == "text") {
    writer_.content(json_inner(json_member(event.block, "text")));
  } else if (type == "thinking") {
    writer_.reasoning(json_inner(json_member(event.block, "thinking")));
  } else if (type != "tool_use") {
    block->kind = Kind::kIgnored;
  } else {
    const std::string_view name = json_inner(json_member(event.block, "name"));
    const std::string_view input = json_member(event.block, "input");
    if (json_is_object(input) && json_skip_space(input, 1) + 1 != input.size()) {
      block->input = call_.arena.copy(input);
    }
    block->kind = state_.json_tool && name == kJsonToolName ? Kind::kJsonTool : Kind::kTool;
    // An older client can be told of one call only.
    if (state_.legacy_calls && state_.chunks.tool_calls != 0) block->kind = Kind::kIgnored;
    if (block->kind != Kind::kTool) return {};
    block->position = state_.chunks.tool_calls;
    writer_.tool_start(block->position, json_inner(json_member(event.block, "id")), name, 0,
                       state_.legacy_calls);
  }
  return {};
}

void Translator::block_delta(const Event& event) {
  std::string_view type;
  std::string_view text;
  std::string_view thinking;
  std::string_view partial;
  JsonMembers members(event.delta);
  while (members.next()) {
    const std::string_view key = members.key();
    const std::string_view inner = json_inner(members.value());
    if (key == "type") type = inner;
    if (key == "text") text = inner;
    if (key == "thinking") thinking = inner;
    if (key == "partial_json") partial = inner;
  }
  const int64_t index = json_integer(event.index, -1);
  if (type == "input_json_delta") return arguments(index, partial);
  const OpenBlock* block = block_find(index);
  if (block != nullptr && block->kind == Kind::kIgnored) return;
  if (type == "text_delta") writer_.content(text);
  if (type == "thinking_delta") writer_.reasoning(thinking);
}

void Translator::arguments(int64_t index, std::string_view escaped) {
  OpenBlock* block = block_find(index);
  if (block == nullptr || escaped.empty()) return;
  block->arguments = true;
  if (block->kind == Kind::kTool) {
    writer_.tool_arguments(block->position, escaped, 0, state_.legacy_calls);
  } else if (block->kind == Kind::kJsonTool) {
    writer_.content(escaped);
  }
}

// A call without any piece had none to send, or brought its input with its start.
void Translator::block_stop(int64_t index) {
  OpenBlock* block = block_find(index);
  if (block == nullptr) return;
  const bool is_tool = block->kind == Kind::kTool || block->kind == Kind::kJsonTool;
  if (is_tool && !block->arguments) {
    const std::string_view input = block->input.empty() ? "{}" : block->input;
    arguments(index, json_inner(json_quote(input, call_.scratch)));
  }
  block->used = false;
}

// Counts here are sums so far, and a reason that is null takes back none.
void Translator::message_delta(const Event& event) {
  const std::string_view reason = json_inner(json_member(event.delta, "stop_reason"));
  if (!reason.empty()) state_.reason = finish_reason_of(reason);
  message_usage_read(event.usage, &state_.usage);
  // From here on all counts hold, even if the end does not come.
  facts_->usage = message_usage_total(state_.usage);
  writer_.role();
}

void Translator::message_stop() {
  // A call whose stop got lost still needs its arguments.
  for (size_t i = 0; state_.blocks != nullptr && i < kOpenBlocks; ++i) {
    if (state_.blocks[i].used) block_stop(state_.blocks[i].index);
  }
  writer_.finish(finish_reason_final(state_.reason, state_.chunks.tool_calls, state_.json_tool,
                                     state_.legacy_calls));
  writer_.usage(message_usage_total(state_.usage),
                message_usage_extra(state_.usage, call_.scratch));
  writer_.done();
}

}  // namespace

Result<void> anthropic_stream(Call& call, StreamPhase phase, std::string_view in, SliceList* out,
                              StreamFacts* facts) {
  Translator translator(call, facts, in.size());
  auto done = phase == StreamPhase::kEvents ? translator.events(in) : translator.end();
  auto flushed = translator.finish(out);
  return done ? flushed : done;
}

}  // namespace weir
