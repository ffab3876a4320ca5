#include "adapters/common/messages.h"

#include "adapters/common/arena_text.h"
#include "adapters/common/json_walk.h"

namespace weir {

namespace {

// Appends the text parts joined by a line end, as one string; false when a part is no text.
bool parts_join(std::string_view parts, ArenaText* out) {
  const size_t start = out->size();
  bool first = true;
  out->add("\"");
  JsonElements each(parts);
  while (each.next()) {
    const std::string_view text = json_member(each.value(), "text");
    if (json_member(each.value(), "type") != "\"text\"" || !json_is_string(text)) {
      out->cut(start);
      return false;
    }
    out->add(first ? "" : "\\n").add(json_inner(text));
    first = false;
  }
  out->add("\"");
  return true;
}

// The key under which an earlier answer's reasoning goes; empty to leave it out.
std::string_view history_key(std::string_view key, Quirks::History history) {
  using enum Quirks::History;
  if (key != "reasoning_content" || history == kKeep) return key;
  return history == kRename ? "reasoning" : "";
}

bool message_repair(std::string_view message, const Quirks& quirks, ArenaText* out) {
  bool changed = false;
  bool first = true;
  out->add("{");
  JsonMembers members(message);
  while (members.next()) {
    const std::string_view key = history_key(members.key(), quirks.reasoning_history);
    changed |= key != members.key();
    if (key.empty()) continue;
    out->add(first ? "\"" : ",\"").add(key).add("\":");
    first = false;
    const std::string_view value = members.value();
    if (!quirks.developer_role && members.key() == "role" && value == "\"developer\"") {
      out->add("\"system\"");
      changed = true;
    } else if (quirks.content_string && members.key() == "content" && json_is_array(value) &&
               parts_join(value, out)) {
      changed = true;
    } else if (quirks.content_string && members.key() == "content" && value == "null") {
      out->add("\"\"");
      changed = true;
    } else {
      out->add(value);
    }
  }
  out->add("}");
  return changed;
}

}  // namespace

std::string_view messages_repair(std::string_view messages, const Quirks& quirks, Arena& arena) {
  const bool role =
      !quirks.developer_role && messages.find("\"developer\"") != std::string_view::npos;
  const bool history = quirks.reasoning_history != Quirks::History::kKeep &&
                       messages.find("\"reasoning_content\"") != std::string_view::npos;
  if (!role && !history && !quirks.content_string) return {};
  ArenaText out(arena, messages.size() + 64);
  bool changed = false;
  out.add("[");
  JsonElements each(messages);
  while (each.next()) {
    if (out.size() > 1) out.add(",");
    const size_t start = out.size();
    if (json_is_object(each.value()) && message_repair(each.value(), quirks, &out)) {
      changed = true;
      continue;
    }
    out.cut(start);
    out.add(each.value());
  }
  return changed && !each.failed() ? out.add("]").view() : std::string_view{};
}

}  // namespace weir
