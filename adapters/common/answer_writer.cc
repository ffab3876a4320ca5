#include "adapters/common/answer_writer.h"

#include <algorithm>

#include "adapters/common/chunk_writer.h"
#include "adapters/common/json_walk.h"
#include "route/target.h"

namespace weir {

void AnswerWriter::Joined::add(std::string_view piece, Arena& arena) {
  any = true;
  if (piece.empty()) return;
  if (text.empty()) {
    text = piece;
    return;
  }
  const size_t size = text.size() + piece.size();
  if (capacity < size) {
    capacity = std::max<size_t>(size, text.size() * 2);
    char* larger = arena.allocate(capacity);
    std::memcpy(larger, text.data(), text.size());
    own = larger;
  }
  std::memcpy(own + text.size(), piece.data(), piece.size());
  text = {own, size};
}

void AnswerWriter::tool_call(std::string_view id, std::string_view name,
                             std::string_view arguments) {
  if (legacy_ && tool_count_ != 0) return;
  const std::string_view json = json_is_none(arguments) ? std::string_view("{}") : arguments;
  argument_bytes_ += json.size();
  if (tool_count_++ != 0) tools_.add(",");
  if (!legacy_) tools_.add("{\"id\":\"").add(id).add("\",\"type\":\"function\",\"function\":");
  tools_.add("{\"name\":\"").add(name).add("\",\"arguments\":").add_quoted(json);
  tools_.add(legacy_ ? "}" : "}}");
}

Result<void> AnswerWriter::write(std::string_view id, std::string_view model,
                                 std::string_view reason, const Usage& usage, SliceList* out,
                                 StreamFacts* facts, std::string_view extra) {
  ArenaText head(call_.scratch, 256 + id.size() + model.size());
  head.add("{\"id\":\"");
  answer_id_write(call_, id, &head);
  head.add("\",\"object\":\"chat.completion\",\"created\":").add_number(call_.unix_ms / 1000);
  head.add(",\"cached\":false,\"model\":\"");
  head.add(model.empty() ? json_inner(call_.target.model_json) : model);
  head.add("\",\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":");
  // No text is null beside tool calls or a refusal, and an empty text where it is all there is.
  const bool null_content = content_.text.empty() && (tool_count_ != 0 || refusal_.any);
  head.add(null_content ? "null" : "\"");

  ArenaText tail(call_.scratch, 512 + tools_.size() + member_.size() + extra.size());
  if (!refusal_.text.empty()) tail.add(",\"refusal\":\"").add(refusal_.text).add("\"");
  if (tool_count_ != 0) {
    tail.add(legacy_ ? ",\"function_call\":" : ",\"tool_calls\":[").add(tools_.view());
    tail.add(legacy_ ? "" : "]");
  }
  if (!member_.empty()) tail.add(",").add(member_);
  tail.add("},\"logprobs\":null,\"finish_reason\":\"").add(reason).add("\"}],\"usage\":");
  usage_write(usage, extra, &tail);
  tail.add("}");

  facts->usage = usage;
  facts->seen_choices = facts->finished_choices = 1;
  facts->done = true;
  facts->text_bytes +=
      content_.text.size() + reasoning_.text.size() + refusal_.text.size() + argument_bytes_;
  bool fits = out->push(Slice(head.view())) && out->push(Slice(content_.text)) &&
              out->push(Slice(null_content ? "" : "\""));
  if (!reasoning_.text.empty()) {
    fits = fits && out->push(Slice(",\"reasoning_content\":\"")) &&
           out->push(Slice(reasoning_.text)) && out->push(Slice("\""));
  }
  if (fits && out->push(Slice(tail.view()))) return {};
  return std::unexpected(Error{Errc::kInternal, "no room for the answer"});
}

}  // namespace weir
