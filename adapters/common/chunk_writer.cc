#include "adapters/common/chunk_writer.h"

#include "adapters/common/json_walk.h"
#include "adapters/common/openai_chunks.h"
#include "adapters/common/openai_error.h"
#include "route/target.h"

namespace weir {

namespace {

constexpr size_t kMaxMessage = 4096;

uint64_t choice_bit(uint32_t choice) {
  return choice < 64 ? uint64_t{1} << choice : 0;
}

// What a client is told about an error of that status, where the provider's own words do not fit.
struct Words {
  std::string_view type;
  std::string_view code;
};
Words words_of(int status) {
  switch (status) {
    case 408:
    case 504:
      return {"timeout_error", "timeout"};
    case 429:
      return {"rate_limit_error", "rate_limit_exceeded"};
    case 503:
    case 529:
      return {"server_error", "overloaded"};
    default:
      break;
  }
  if (status >= 400 && status < 500) return {"invalid_request_error", {}};
  return {"server_error", "upstream_error"};
}

}  // namespace

ChunkWriter::ChunkWriter(Call& call, ChunkStream* stream, StreamFacts* facts, size_t capacity)
    : call_(call), stream_(*stream), facts_(facts), out_(call.scratch, capacity) {}

void ChunkWriter::begin(std::string_view id, std::string_view model, int64_t created) {
  if (begun()) return;
  ArenaText head(call_.arena, 192 + id.size() + model.size());
  head.add("data: {\"id\":\"");
  answer_id_write(call_, id, &head);
  head.add("\",\"object\":\"chat.completion.chunk\",\"created\":");
  head.add_number(created > 0 ? created : call_.unix_ms / 1000);
  head.add(",\"model\":\"").add(model.empty() ? json_inner(call_.target.model_json) : model);
  stream_.head = head.add("\",\"choices\":[{\"index\":").view();
}

void ChunkWriter::open(uint32_t choice) {
  out_.add(stream_.head);
  if (choice == 0) {
    out_.add("0,\"delta\":{");
  } else {
    out_.add_number(choice).add(",\"delta\":{");
  }
}

void ChunkWriter::close(std::string_view reason) {
  const bool asked = call_.request.include_usage;
  if (reason.empty()) {
    out_.add(asked ? "},\"logprobs\":null,\"finish_reason\":null}],\"usage\":null}\n\n"
                   : "},\"logprobs\":null,\"finish_reason\":null}]}\n\n");
    return;
  }
  out_.add("},\"logprobs\":null,\"finish_reason\":\"").add(reason);
  out_.add(asked ? "\"}],\"usage\":null}\n\n" : "\"}]}\n\n");
}

void ChunkWriter::role(uint32_t choice) {
  const uint64_t bit = choice_bit(choice);
  if ((stream_.roles & bit) != 0) return;
  stream_.roles |= bit;
  facts_->seen_choices |= bit;
  open(choice);
  out_.add(R"("role":"assistant","content":"")");
  close({});
}

void ChunkWriter::text(std::string_view key, std::string_view escaped, uint32_t choice) {
  if (escaped.empty()) return;
  role(choice);
  facts_->text_bytes += escaped.size();
  open(choice);
  out_.add(key).add(escaped).add("\"");
  close({});
}

void ChunkWriter::content(std::string_view escaped, uint32_t choice) {
  text("\"content\":\"", escaped, choice);
}

void ChunkWriter::reasoning(std::string_view escaped, uint32_t choice) {
  text("\"reasoning_content\":\"", escaped, choice);
}

void ChunkWriter::refusal(std::string_view escaped, uint32_t choice) {
  text("\"refusal\":\"", escaped, choice);
}

void ChunkWriter::tool_start(uint32_t position, std::string_view id, std::string_view name,
                             uint32_t choice, bool legacy) {
  role(choice);
  ++stream_.tool_calls;
  open(choice);
  if (legacy) {
    out_.add("\"function_call\":{\"name\":\"").add(name).add("\",\"arguments\":\"\"}");
    return close({});
  }
  out_.add("\"tool_calls\":[{\"index\":").add_number(position).add(",\"id\":\"").add(id);
  out_.add("\",\"type\":\"function\",\"function\":{\"name\":\"").add(name);
  out_.add("\",\"arguments\":\"\"}}]");
  close({});
}

void ChunkWriter::tool_arguments(uint32_t position, std::string_view escaped, uint32_t choice,
                                 bool legacy) {
  if (escaped.empty()) return;
  facts_->text_bytes += escaped.size();
  open(choice);
  if (legacy) {
    out_.add("\"function_call\":{\"arguments\":\"").add(escaped).add("\"}");
    return close({});
  }
  out_.add("\"tool_calls\":[{\"index\":").add_number(position);
  out_.add(",\"function\":{\"arguments\":\"").add(escaped).add("\"}}]");
  close({});
}

void ChunkWriter::delta(std::string_view members, uint32_t choice) {
  role(choice);
  open(choice);
  out_.add(members);
  close({});
}

void ChunkWriter::finish(std::string_view reason, uint32_t choice) {
  role(choice);
  facts_->finished_choices |= choice_bit(choice);
  open(choice);
  close(reason);
}

void ChunkWriter::usage(const Usage& usage, std::string_view extra) {
  facts_->usage = usage;
  if (!call_.request.include_usage || !begun()) return;
  // The head ends in the beginning of a choice, and this chunk has none.
  constexpr std::string_view kChoice = "{\"index\":";
  std::string_view head = stream_.head;
  head.remove_suffix(kChoice.size());
  out_.add(head).add("],\"usage\":");
  usage_write(usage, extra, &out_);
  out_.add("}\n\n");
}

void ChunkWriter::done() {
  if (stream_.ended) return;
  stream_.ended = true;
  facts_->done = true;
  out_.add("data: [DONE]\n\n");
}

void ChunkWriter::error(const ChunkError& error) {
  if (stream_.ended) return;
  stream_.ended = true;
  facts_->error = true;
  const Words words = words_of(error.status);
  const std::string_view credential = call_.target.provider->credential;
  const std::string_view message =
      message_clean(error.message, credential, kMaxMessage, call_.scratch);
  out_.add("data: {\"error\":{\"message\":").add_quoted(message);
  out_.add(",\"type\":").add_quoted(error.type.empty() ? words.type : error.type);
  const std::string_view code = error.code.empty() ? words.code : error.code;
  out_.add(",\"param\":null,\"code\":");
  if (code.empty()) {
    out_.add("null");
  } else {
    out_.add_quoted(code);
  }
  if (facts_->seen_choices == 0) out_.add(",\"status\":").add_number(error.status);
  out_.add("}}\n\n");
}

Result<void> ChunkWriter::flush(SliceList* out) const {
  if (out->push(Slice(out_.view()))) return {};
  return std::unexpected(Error{Errc::kInternal, "no room for the events"});
}

void usage_write(const Usage& usage, std::string_view extra, ArenaText* out) {
  const auto known = [](int64_t count) { return count < 0 ? 0 : count; };
  out->add("{\"prompt_tokens\":").add_number(known(usage.prompt_tokens));
  out->add(",\"completion_tokens\":").add_number(known(usage.completion_tokens));
  out->add(",\"total_tokens\":").add_number(known(usage.total_tokens));
  if (usage.cached_tokens >= 0) {
    out->add(",\"prompt_tokens_details\":{\"cached_tokens\":");
    out->add_number(usage.cached_tokens).add("}");
  }
  if (usage.reasoning_tokens >= 0) {
    out->add(",\"completion_tokens_details\":{\"reasoning_tokens\":");
    out->add_number(usage.reasoning_tokens).add("}");
  }
  out->add(extra).add("}");
}

Usage usage_make(int64_t prompt, int64_t completion, int64_t cached, int64_t reasoning) {
  Usage usage;
  if (prompt < 0 && completion < 0) return usage;
  usage.prompt_tokens = prompt;
  usage.completion_tokens = completion;
  usage.total_tokens = (prompt < 0 ? 0 : prompt) + (completion < 0 ? 0 : completion);
  usage.cached_tokens = cached;
  usage.reasoning_tokens = reasoning;
  usage.source = UsageSource::kProvider;
  return usage;
}

void answer_id_write(Call& call, std::string_view escaped, ArenaText* out) {
  if (!escaped.empty()) {
    out->add(escaped);
    return;
  }
  out->add("chatcmpl-").add(random_text(call.random, 0, 24, call.arena));
}

}  // namespace weir
