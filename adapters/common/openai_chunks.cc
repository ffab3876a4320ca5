#include "adapters/common/openai_chunks.h"

#include "adapters/common/arena_text.h"
#include "adapters/common/json_walk.h"
#include "route/target.h"

namespace weir {

namespace {

constexpr uint64_t mix(uint64_t x) {
  x += 0x9e3779b97f4a7c15u;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
  return x ^ (x >> 31);
}

// Writes the chunks of one answer; every chunk begins with the same members.
class ChunkWriter {
 public:
  ChunkWriter(Call& call, std::string_view body, bool chat)
      : asked_(call.request.include_usage), out_(call.arena, body.size() * 2 + 1024) {
    ArenaText prefix(call.arena, 256);
    const std::string_view id = json_member(body, "id");
    prefix.add("data: {\"id\":");
    if (json_inner(id).empty()) {
      prefix.add(chat ? "\"chatcmpl-" : "\"cmpl-");
      prefix.add(random_text(call.random, 0, 24, call.arena)).add("\"");
    } else {
      prefix.add(id);
    }
    prefix.add(chat ? ",\"object\":\"chat.completion.chunk\"" : ",\"object\":\"text_completion\"");
    const int64_t created = json_integer(json_member(body, "created"), 0);
    prefix.add(",\"created\":").add_number(created > 0 ? created : call.unix_ms / 1000);
    const std::string_view model = json_member(body, "model");
    prefix.add(",\"model\":").add(json_is_string(model) ? model : call.target.model_json);
    for (const std::string_view key : {"system_fingerprint", "service_tier"}) {
      const std::string_view value = json_member(body, key);
      if (json_is_string(value)) prefix.add(",\"").add(key).add("\":").add(value);
    }
    prefix_ = prefix.add(",\"choices\":[").view();
  }

  // One choice with a delta of one member.
  void delta(int64_t index, std::string_view key, std::string_view value,
             std::string_view logprobs = "null") {
    choice_begin(index);
    out_.add("{\"").add(key).add("\":").add(value).add("},\"logprobs\":").add(logprobs);
    choice_end("null");
  }
  void role(int64_t index) {
    choice_begin(index);
    out_.add(R"({"role":"assistant","content":""},"logprobs":null)");
    choice_end("null");
  }
  void finish(int64_t index, std::string_view reason) {
    choice_begin(index);
    out_.add("{},\"logprobs\":null");
    choice_end(reason);
  }
  void tool_call(int64_t index, size_t position, std::string_view call) {
    const std::string_view function = json_member(call, "function");
    const std::string_view id = json_member(call, "id");
    if (!json_is_object(function)) {
      // A custom tool has another form; its input comes in one piece.
      choice_begin(index);
      out_.add("{\"tool_calls\":[{\"index\":").add_number(static_cast<int64_t>(position));
      JsonMembers members(call);
      while (members.next()) {
        if (members.key() == "index") continue;
        out_.add(",\"").add(members.key()).add("\":").add(members.value());
      }
      out_.add("}]},\"logprobs\":null");
      return choice_end("null");
    }
    choice_begin(index);
    out_.add("{\"tool_calls\":[{\"index\":").add_number(static_cast<int64_t>(position));
    out_.add(",\"id\":").add(json_is_string(id) ? id : "\"\"");
    out_.add(",\"type\":\"function\",\"function\":{\"name\":");
    const std::string_view name = json_member(function, "name");
    out_.add(json_is_string(name) ? name : "\"\"").add(",\"arguments\":\"\"}}]},\"logprobs\":null");
    choice_end("null");
    const std::string_view arguments = json_member(function, "arguments");
    choice_begin(index);
    out_.add("{\"tool_calls\":[{\"index\":").add_number(static_cast<int64_t>(position));
    out_.add(",\"function\":{\"arguments\":");
    out_.add(json_inner(arguments).empty() ? "\"{}\"" : arguments).add("}}]},\"logprobs\":null");
    choice_end("null");
  }
  // A choice of the legacy form, as it is.
  void whole_choice(std::string_view choice) {
    out_.add(prefix_).add(choice);
    close();
  }
  void usage(std::string_view value) {
    if (asked_) out_.add(prefix_).add("],\"usage\":").add(value).add("}\n\n");
  }
  std::string_view done() { return out_.add("data: [DONE]\n\n").view(); }

 private:
  void choice_begin(int64_t index) {
    out_.add(prefix_).add("{\"index\":").add_number(index).add(",\"delta\":");
  }
  void choice_end(std::string_view reason) {
    out_.add(",\"finish_reason\":").add(reason).add("}");
    close();
  }
  void close() { out_.add(asked_ ? "],\"usage\":null}\n\n" : "]}\n\n"); }

  bool asked_;
  std::string_view prefix_;
  ArenaText out_;
};

void text_delta(ChunkWriter* chunks, int64_t index, std::string_view key, std::string_view value,
                std::string_view logprobs, StreamFacts* facts) {
  if (json_inner(value).empty()) return;
  facts->text_bytes += json_inner(value).size();
  chunks->delta(index, key, value, logprobs);
}

void message_to_chunks(ChunkWriter* chunks, int64_t index, std::string_view choice,
                       StreamFacts* facts) {
  const std::string_view message = json_member(choice, "message");
  const std::string_view logprobs = json_member(choice, "logprobs");
  chunks->role(index);
  std::string_view reasoning = json_member(message, "reasoning_content");
  if (json_is_none(reasoning)) reasoning = json_member(message, "reasoning");
  text_delta(chunks, index, "reasoning_content", reasoning, "null", facts);
  text_delta(chunks, index, "content", json_member(message, "content"),
             json_is_none(logprobs) ? "null" : logprobs, facts);
  text_delta(chunks, index, "refusal", json_member(message, "refusal"), "null", facts);
  size_t position = 0;
  JsonElements calls(json_member(message, "tool_calls"));
  while (calls.next()) chunks->tool_call(index, position++, calls.value());
  const std::string_view legacy = json_member(message, "function_call");
  if (json_is_object(legacy)) chunks->delta(index, "function_call", legacy);
  const std::string_view reason = json_member(choice, "finish_reason");
  // The answer is whole by its framing, so it has an end even where its provider names none.
  chunks->finish(index, json_inner(reason).empty() ? "\"stop\"" : reason);
}

}  // namespace

std::string_view random_text(const uint64_t (&random)[2], uint64_t salt, size_t count,
                             Arena& arena) {
  static constexpr char kLetters[] =
      "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
  char* text = arena.allocate(count);
  uint64_t bits = 0;
  for (size_t i = 0; i < count; ++i) {
    if (i % 8 == 0) bits = mix(random[i / 8 % 2] ^ mix(salt * 64 + i / 8));
    text[i] = kLetters[bits % 62];
    bits /= 62;
  }
  return {text, count};
}

Result<void> json_to_chunks(Call& call, std::string_view body, SliceList* out, StreamFacts* facts) {
  const std::string_view choices = json_member(body, "choices");
  if (!json_is_array(choices)) {
    return std::unexpected(Error{Errc::kUpstreamUnavailable, "the answer has no choices", {}});
  }
  const bool chat = call.endpoint != Endpoint::kCompletions;
  ChunkWriter chunks(call, body, chat);
  int64_t position = 0;
  JsonElements each(choices);
  while (each.next()) {
    const std::string_view choice = each.value();
    const int64_t index = json_integer(json_member(choice, "index"), position++);
    if (chat) {
      message_to_chunks(&chunks, index, choice, facts);
    } else {
      facts->text_bytes += json_inner(json_member(choice, "text")).size();
      chunks.whole_choice(choice);
    }
    const uint64_t bit = index >= 0 && index < 64 ? uint64_t{1} << index : 0;
    facts->seen_choices |= bit;
    facts->finished_choices |= bit;
  }
  if (each.failed()) {
    return std::unexpected(Error{Errc::kUpstreamUnavailable, "the answer is no JSON", {}});
  }
  const std::string_view usage = json_member(body, "usage");
  if (usage_read(usage, &facts->usage)) chunks.usage(usage);
  facts->done = true;
  if (!out->push(chunks.done())) {
    return std::unexpected(Error{Errc::kInternal, "no room for the chunks", {}});
  }
  return {};
}

}  // namespace weir
