#include "adapters/loopback/answer.h"

#include "adapters/common/openai_chunks.h"
#include "json/json_write.h"

namespace weir {

namespace {

constexpr size_t kIdLetters = 24;

void usage_write(const AnswerForm& form, const LocalAnswer& answer, ArenaText* out) {
  const int64_t completion = answer.answer_words * form.choices;
  out->add("{\"prompt_tokens\":").add_number(answer.prompt_words);
  out->add(",\"completion_tokens\":").add_number(completion);
  out->add(",\"total_tokens\":").add_number(answer.prompt_words + completion).add("}");
}

void head_write(const AnswerForm& form, bool stream, ArenaText* out) {
  out->add(stream ? "data: {\"id\":" : "{\"id\":").add(form.id).add(",\"object\":");
  if (form.chat) {
    out->add(stream ? "\"chat.completion.chunk\"" : "\"chat.completion\"");
  } else {
    out->add("\"text_completion\"");
  }
  out->add(",\"created\":").add_number(form.created);
  out->add(stream ? ",\"model\":" : ",\"cached\":false,\"model\":").add(form.model);
}

// One event of one choice; `delta` is an object for chat, a string token for completions.
void chunk_write(const AnswerForm& form, uint32_t choice, std::string_view delta,
                 std::string_view finish_reason, ArenaText* out) {
  head_write(form, true, out);
  out->add(",\"choices\":[{\"index\":").add_number(choice);
  out->add(form.chat ? ",\"delta\":" : ",\"text\":").add(delta);
  out->add(",\"logprobs\":null,\"finish_reason\":");
  if (finish_reason.empty()) {
    out->add("null");
  } else {
    out->add("\"").add(finish_reason).add("\"");
  }
  out->add(form.usage_asked ? "}],\"usage\":null}\n\n" : "}]}\n\n");
}

// Ids of tool calls differ between the choices.
void call_id_write(Call& call, uint32_t choice, ArenaText* out) {
  out->add("\"call_").add(random_text(call.random, choice + 1, kIdLetters, call.arena)).add("\"");
}

void message_write(Call& call, const LocalAnswer& answer, uint32_t choice, ArenaText* out) {
  out->add(R"("message":{"role":"assistant","content":)");
  if (answer.tool_name.empty()) {
    out->add_quoted(answer.text).add(",\"refusal\":null}");
    return;
  }
  out->add("null,\"refusal\":null,\"tool_calls\":[{\"id\":");
  call_id_write(call, choice, out);
  out->add(",\"type\":\"function\",\"function\":{\"name\":").add(answer.tool_name);
  out->add(",\"arguments\":").add_quoted(answer.tool_arguments).add("}}]}");
}

}  // namespace

AnswerForm answer_form(Call& call, std::string_view model) {
  AnswerForm form;
  form.chat = call.endpoint == Endpoint::kChat;
  ArenaText id(call.arena, 64);
  id.add(form.chat ? "\"chatcmpl-" : "\"cmpl-");
  form.id = id.add(random_text(call.random, 0, kIdLetters, call.arena)).add("\"").view();
  form.model = json_quote(model, call.arena);
  form.created = call.unix_ms / 1000;
  form.choices = call.request.choices();
  form.usage_asked = call.request.include_usage;
  return form;
}

void role_write(const AnswerForm& form, ArenaText* out) {
  if (!form.chat) return;
  for (uint32_t i = 0; i < form.choices; ++i) {
    chunk_write(form, i, R"({"role":"assistant","content":""})", {}, out);
  }
}

void piece_write(Call& call, const AnswerForm& form, std::string_view piece, ArenaText* out) {
  ArenaText delta(call.scratch, piece.size() + 64);
  delta.add(form.chat ? "{\"content\":" : "").add_quoted(piece).add(form.chat ? "}" : "");
  for (uint32_t i = 0; i < form.choices; ++i) chunk_write(form, i, delta.view(), {}, out);
}

void tool_write(Call& call, const AnswerForm& form, const LocalAnswer& answer, ArenaText* out) {
  for (uint32_t i = 0; i < form.choices; ++i) {
    ArenaText opening(call.scratch, 256);
    opening.add("{\"tool_calls\":[{\"index\":0,\"id\":");
    call_id_write(call, i, &opening);
    opening.add(",\"type\":\"function\",\"function\":{\"name\":").add(answer.tool_name);
    chunk_write(form, i, opening.add(",\"arguments\":\"\"}}]}").view(), {}, out);
    ArenaText arguments(call.scratch, answer.tool_arguments.size() + 128);
    arguments.add("{\"tool_calls\":[{\"index\":0,\"function\":{\"arguments\":");
    chunk_write(form, i, arguments.add_quoted(answer.tool_arguments).add("}}]}").view(), {}, out);
  }
}

void finish_write(const AnswerForm& form, const LocalAnswer& answer, ArenaText* out) {
  for (uint32_t i = 0; i < form.choices; ++i) {
    chunk_write(form, i, form.chat ? "{}" : "\"\"", answer.finish_reason, out);
  }
  if (form.usage_asked) {
    head_write(form, true, out);
    out->add(",\"choices\":[],\"usage\":");
    usage_write(form, answer, out);
    out->add("}\n\n");
  }
  out->add("data: [DONE]\n\n");
}

void body_write(Call& call, const AnswerForm& form, const LocalAnswer& answer, ArenaText* out) {
  head_write(form, false, out);
  out->add(",\"choices\":[");
  for (uint32_t i = 0; i < form.choices; ++i) {
    out->add(i > 0 ? ",{\"index\":" : "{\"index\":").add_number(i).add(",");
    if (form.chat) {
      message_write(call, answer, i, out);
    } else {
      out->add("\"text\":").add_quoted(answer.text);
    }
    out->add(",\"logprobs\":null,\"finish_reason\":\"").add(answer.finish_reason).add("\"}");
  }
  out->add("],\"usage\":");
  usage_write(form, answer, out);
  out->add("}");
}

}  // namespace weir
