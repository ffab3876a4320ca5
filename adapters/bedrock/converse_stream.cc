#include "adapters/bedrock/converse_stream.h"

#include "adapters/bedrock/converse_reply.h"
#include "adapters/bedrock/fault.h"
#include "adapters/bedrock/state.h"
#include "adapters/common/json_walk.h"
#include "json/json_write.h"

namespace weir {

namespace {

using OpenBlock = BedrockState::OpenBlock;

class StreamReader {
 public:
  StreamReader(Call& call, std::string_view in, StreamFacts* facts)
      : call_(call),
        facts_(facts),
        state_(*call.state.as<BedrockState>()),
        chunks_(call, &state_.chunks, facts, in.size() + in.size() / 2 + 512) {}

  [[nodiscard]] Result<void> read(std::string_view in);
  [[nodiscard]] Result<void> end();
  [[nodiscard]] Result<void> flush(SliceList* out) const { return chunks_.flush(out); }

 private:
  void message(const StreamMessage& message);
  void event(std::string_view type, std::string_view json);
  void block_start(std::string_view json);
  void block_delta(std::string_view json);
  void block_stop(std::string_view json);
  void metadata(std::string_view json);
  void failure(const StreamMessage& message);
  [[nodiscard]] OpenBlock* find(int64_t block);

  Call& call_;
  StreamFacts* facts_;
  BedrockState& state_;
  ChunkWriter chunks_;
};

std::unexpected<Error> broken(std::string_view message) {
  return std::unexpected(Error{Errc::kUpstreamUnavailable, message});
}

Result<void> StreamReader::read(std::string_view in) {
  for (;;) {
    StreamMessage found;
    const auto more = state_.carry.next(&in, call_.arena, &found);
    if (!more) return std::unexpected(more.error());
    if (!*more) return {};
    if (!state_.chunks.ended) message(found);
  }
}

// The counts come behind the end of the message; without them the answer is whole all the same.
Result<void> StreamReader::end() {
  if (state_.carry.is_cut()) return broken("the provider's event stream ends within a message");
  if ((facts_->finished_choices & 1) != 0) chunks_.done();
  return {};
}

void StreamReader::message(const StreamMessage& message) {
  const bool is_event = message.message_type.empty() || message.message_type == "event";
  if (!is_event) return failure(message);
  if (!chunks_.begun()) chunks_.begin(converse_answer_id(state_.request_id, call_.arena), {});
  event(message.event_type, message.payload);
}

// messageStart says nothing that a chunk would need, so that a failure right behind it can still
// become another target's answer.
void StreamReader::event(std::string_view type, std::string_view json) {
  if (type == "contentBlockDelta") return block_delta(json);
  if (type == "contentBlockStart") return block_start(json);
  if (type == "contentBlockStop") return block_stop(json);
  if (type == "messageStop") {
    return chunks_.finish(
        converse_finish_reason(json_inner(json_member(json, "stopReason")), call_));
  }
  if (type == "metadata") return metadata(json);
}

OpenBlock* StreamReader::find(int64_t block) {
  for (OpenBlock& open : state_.blocks) {
    if (open.block == block + 1) return &open;
  }
  return nullptr;
}

void StreamReader::block_start(std::string_view json) {
  const std::string_view use = json_member(json_member(json, "start"), "toolUse");
  const int64_t index = json_integer(json_member(json, "contentBlockIndex"), -1);
  if (!json_is_object(use) || index < 0 || index > 1'000'000) return;
  OpenBlock* open = find(index);
  if (open == nullptr) open = find(-1);
  // Nobody opens this many at once; the first gives way.
  if (open == nullptr) open = &state_.blocks[0];
  const std::string_view name = json_inner(json_member(use, "name"));
  *open = {static_cast<int32_t>(index + 1), 0, false, false};
  open->ignored = json_member(use, "type") == "\"server_tool_use\"" ||
                  (state_.legacy && state_.chunks.tool_calls != 0);
  if (open->ignored || (state_.json_tool && name == kJsonTool)) return;
  open->position = state_.chunks.tool_calls;
  chunks_.tool_start(open->position, json_inner(json_member(use, "toolUseId")), name, 0,
                     state_.legacy);
}

void StreamReader::block_delta(std::string_view json) {
  std::string_view index;
  std::string_view delta;
  JsonMembers members(json);
  while (members.next()) {
    if (members.key() == "contentBlockIndex") index = members.value();
    if (members.key() == "delta") delta = members.value();
    // The padding behind them need not be read.
    if (!index.empty() && !delta.empty()) break;
  }
  JsonMembers kinds(delta);
  if (!kinds.next()) return;
  const std::string_view value = kinds.value();
  if (kinds.key() == "text") return chunks_.content(json_inner(value));
  if (kinds.key() == "reasoningContent") {
    return chunks_.reasoning(json_inner(json_member(value, "text")));
  }
  if (kinds.key() != "toolUse") return;
  const int64_t block = json_integer(index, -1);
  OpenBlock* const open = block < 0 ? nullptr : find(block);
  const std::string_view piece = json_inner(json_member(value, "input"));
  if (open == nullptr || open->ignored || piece.empty()) return;
  open->arguments = true;
  if (state_.json_tool) return chunks_.content(piece);
  chunks_.tool_arguments(open->position, piece, 0, state_.legacy);
}

// A call without any arguments is one without parameters.
void StreamReader::block_stop(std::string_view json) {
  const int64_t block = json_integer(json_member(json, "contentBlockIndex"), -1);
  OpenBlock* const open = block < 0 ? nullptr : find(block);
  if (open == nullptr) return;
  if (!open->ignored && !open->arguments) {
    if (state_.json_tool) {
      chunks_.content("{}");
    } else {
      chunks_.tool_arguments(open->position, "{}", 0, state_.legacy);
    }
  }
  *open = OpenBlock{};
}

void StreamReader::metadata(std::string_view json) {
  const Usage usage = converse_usage_read(json_member(json, "usage"));
  if (usage.source != UsageSource::kNone) chunks_.usage(usage);
  if ((facts_->finished_choices & 1) != 0) chunks_.done();
}

void StreamReader::failure(const StreamMessage& message) {
  const BedrockFault fault = stream_fault_read(call_, message);
  chunks_.error({fault.status, fault.type, fault.code, fault.message});
}

}  // namespace

Result<void> converse_stream_read(Call& call, StreamPhase phase, std::string_view in,
                                  SliceList* out, StreamFacts* facts) {
  StreamReader reader(call, in, facts);
  // What came before broken bytes is good, and goes out before the error does.
  const auto done = phase == StreamPhase::kEvents ? reader.read(in) : reader.end();
  if (auto flushed = reader.flush(out); !flushed) return flushed;
  return done;
}

}  // namespace weir
