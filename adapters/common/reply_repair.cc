#include "adapters/common/reply_repair.h"

#include "adapters/common/json_walk.h"
#include "adapters/common/openai_chunks.h"
#include "route/target.h"

namespace weir {

namespace {

constexpr size_t kCallIdLetters = 24;

// One pass over a reply; `changed_` tells at the end whether it was worth it.
class Writer {
 public:
  Writer(ReplyRepair& job, ArenaText* out) : job_(job), out_(out) {}

  RepairResult reply(std::string_view json);

 private:
  struct Present {
    bool id = false;
    bool object = false;
    bool created = false;
  };
  void reply_member(std::string_view key, std::string_view value, bool has_choices, Present* have);
  void missing_members(const Present& have);
  void choices(std::string_view list);
  void choice(std::string_view choice, int64_t position);
  void body_fill(std::string_view choice);
  std::string_view reason(std::string_view value);
  void message(std::string_view message, int64_t choice, bool finishing);
  bool message_member(std::string_view key, std::string_view value, bool both_reasonings);
  void calls(std::string_view list, int64_t choice, bool finishing);
  void whole_call(std::string_view call, int64_t position);
  void call_delta(std::string_view call, int64_t choice, int64_t position, size_t count,
                  bool finishing);
  int64_t call_index(std::string_view call, int64_t choice, int64_t position, size_t count);
  std::string_view arguments(std::string_view value, std::string_view when_missing);
  void call_open(std::string_view call, int64_t choice, int64_t index, bool finishing);
  void call_id(std::string_view id, int64_t salt);

  // Begins a member; the comma is there unless it is the first of its object.
  void key(std::string_view name) {
    out_->add(first_ ? "\"" : ",\"").add(name).add("\":");
    first_ = false;
  }
  void copy(std::string_view name, std::string_view value) {
    key(name);
    out_->add(value);
  }
  void open() {
    out_->add("{");
    first_ = true;
  }
  void close() {
    out_->add("}");
    first_ = false;
  }
  // Notes a repair; to be used where one is written.
  std::string_view changed(std::string_view text) {
    changed_ = true;
    return text;
  }

  ReplyRepair& job_;
  ArenaText* out_;
  bool first_ = true;
  bool changed_ = false;
  bool aborted_ = false;
  bool broken_ = false;
};

bool is_legacy(const Call& call) {
  return call.endpoint == Endpoint::kCompletions;
}

std::string_view object_of(const Call& call, bool stream) {
  if (is_legacy(call)) return "\"text_completion\"";
  return stream ? "\"chat.completion.chunk\"" : "\"chat.completion\"";
}

void id_write(Call& call, ArenaText* out) {
  out->add(is_legacy(call) ? "\"cmpl-" : "\"chatcmpl-");
  out->add(random_text(call.random, 0, 24, call.arena)).add("\"");
}

RepairResult Writer::reply(std::string_view json) {
  const bool has_choices = !json_is_empty_array(json_member(json, "choices"));
  Present have;
  open();
  JsonMembers members(json);
  while (members.next()) reply_member(members.key(), members.value(), has_choices, &have);
  missing_members(have);
  close();
  if (members.failed() || broken_) return RepairResult::kBroken;
  if (aborted_) return RepairResult::kAborted;
  return changed_ ? RepairResult::kChanged : RepairResult::kUnchanged;
}

void Writer::reply_member(std::string_view name, std::string_view value, bool has_choices,
                          Present* have) {
  if (name == "choices" && json_is_array(value)) {
    key(name);
    return choices(value);
  }
  // Usage goes out once, in a chunk of its own at the end.
  if (name == "usage" && job_.stream && has_choices && json_is_object(value)) {
    job_.usage = value;
    changed_ = true;
    return;
  }
  const bool none = json_is_none(value);
  if (name == "id") {
    if (none || value == "\"\"") return;
    have->id = true;
  }
  if (name == "object") have->object = true;
  if (name == "created") {
    if (none) return;
    have->created = true;
  }
  copy(name, value);
}

void Writer::missing_members(const Present& have) {
  if (!have.id) {
    key(changed("id"));
    id_write(job_.call, out_);
  }
  if (!have.object) copy(changed("object"), object_of(job_.call, job_.stream));
  if (!have.created) {
    key(changed("created"));
    out_->add_number(job_.call.unix_ms / 1000);
  }
}

void Writer::choices(std::string_view list) {
  out_->add("[");
  int64_t position = 0;
  JsonElements each(list);
  while (each.next()) {
    if (position > 0) out_->add(",");
    if (json_is_object(each.value())) {
      choice(each.value(), position);
    } else {
      out_->add(each.value());
    }
    ++position;
  }
  broken_ |= each.failed();
  out_->add("]");
  first_ = false;
}

void Writer::choice(std::string_view choice, int64_t position) {
  const std::string_view index_text = json_member(choice, "index");
  const int64_t index = json_integer(index_text, position);
  const std::string_view sent_reason = json_member(choice, "finish_reason");
  const bool finishing = !json_inner(sent_reason).empty();
  if (finishing && index >= 0 && index < 64) job_.finishing |= uint64_t{1} << index;
  open();
  if (json_is_none(index_text)) {
    key(changed("index"));
    out_->add_number(position);
  }
  JsonMembers members(choice);
  while (members.next()) {
    const std::string_view name = members.key();
    const std::string_view value = members.value();
    if (name == "index" && json_is_none(value)) continue;
    if ((name == "delta" || name == "message") && value == "null") continue;
    if ((name == "delta" || name == "message") && json_is_object(value)) {
      key(name);
      message(value, index, finishing);
    } else {
      copy(name, name == "finish_reason" ? reason(value) : value);
    }
  }
  broken_ |= members.failed();
  body_fill(choice);
  close();
}

// A choice without any message: a content filter took it.
void Writer::body_fill(std::string_view choice) {
  if (is_legacy(job_.call)) return;
  const std::string_view name = job_.stream ? "delta" : "message";
  if (!json_is_none(json_member(choice, name))) return;
  copy(changed(name), job_.stream ? "{}" : R"({"role":"assistant","content":null})");
}

std::string_view Writer::reason(std::string_view value) {
  const std::string_view name = json_inner(value);
  if (value == "\"\"") return changed("null");
  if (name == "eos" || name == "eos_token" || name == "load" || name == "unload") {
    return changed("\"stop\"");
  }
  if (name == "tool_use" || name == "tool_call") return changed("\"tool_calls\"");
  // To call this a normal stop would pass half an answer off as a whole one.
  if (name == "abort") aborted_ = true;
  return value;
}

void Writer::message(std::string_view message, int64_t choice, bool finishing) {
  const bool both = !json_is_none(json_member(message, "reasoning_content"));
  open();
  JsonMembers members(message);
  while (members.next()) {
    const std::string_view value = members.value();
    if (members.key() == "tool_calls" && (json_is_none(value) || json_is_array(value))) {
      if (json_is_none(value) || json_is_empty_array(value)) {
        changed_ = true;
        continue;
      }
      key("tool_calls");
      calls(value, choice, finishing);
    } else if (message_member(members.key(), value, both)) {
      changed_ = true;
    } else {
      copy(members.key(), value);
    }
  }
  broken_ |= members.failed();
  if (!job_.stream && json_member(message, "content").empty()) copy(changed("content"), "null");
  close();
}

// True when the member was repaired or is to be left out.
bool Writer::message_member(std::string_view name, std::string_view value, bool both_reasonings) {
  const bool nullable = name == "annotations" || name == "audio" || name == "function_call" ||
                        name == "reasoning" || name == "reasoning_content";
  if (nullable && value == "null") return job_.quirks.strip_nulls;
  if (name != "reasoning" || !job_.quirks.rename_reasoning || !json_is_string(value)) return false;
  if (!both_reasonings) copy("reasoning_content", value);
  return true;
}

void Writer::calls(std::string_view list, int64_t choice, bool finishing) {
  size_t count = 0;
  for (JsonElements each(list); each.next();) ++count;
  out_->add("[");
  int64_t position = 0;
  JsonElements each(list);
  while (each.next()) {
    if (position > 0) out_->add(",");
    const std::string_view call = each.value();
    // A custom tool call has a form of its own, without the quirks.
    if (!json_is_object(call) || json_is_none(json_member(call, "function"))) {
      out_->add(call);
    } else if (job_.calls == nullptr) {
      whole_call(call, position);
    } else {
      call_delta(call, choice, position, count, finishing);
    }
    ++position;
  }
  broken_ |= each.failed();
  out_->add("]");
  first_ = false;
}

void Writer::call_id(std::string_view id, int64_t salt) {
  key("id");
  if (!json_inner(id).empty()) {
    out_->add(id);
    return;
  }
  out_->add(changed("\"call_"));
  out_->add(random_text(job_.call.random, static_cast<uint64_t>(salt) + 1, kCallIdLetters,
                        job_.call.arena));
  out_->add("\"");
}

// The arguments as a string token; objects are written out, absent ones become `when_missing`.
std::string_view Writer::arguments(std::string_view value, std::string_view when_missing) {
  const bool empty = value == "\"\"" && when_missing != value;
  if (json_is_string(value) && !empty) return value;
  if (empty) return changed(when_missing);
  if (json_is_none(value)) return changed(when_missing);
  ArenaText text(job_.call.arena, value.size() * 2 + 2);
  return changed(text.add_quoted(value).view());
}

void Writer::whole_call(std::string_view call, int64_t position) {
  const std::string_view function = json_member(call, "function");
  open();
  call_id(json_member(call, "id"), position);
  if (json_is_none(json_member(call, "type"))) copy(changed("type"), "\"function\"");
  JsonMembers members(call);
  while (members.next()) {
    const std::string_view name = members.key();
    if (name == "id" || (name == "type" && json_is_none(members.value()))) continue;
    if (name != "function") {
      copy(name, members.value());
      continue;
    }
    key(name);
    open();
    JsonMembers parts(function);
    while (parts.next()) {
      if (parts.key() != "arguments") copy(parts.key(), parts.value());
    }
    copy("arguments", arguments(json_member(function, "arguments"), "\"{}\""));
    close();
  }
  close();
}

int64_t Writer::call_index(std::string_view call, int64_t choice, int64_t position, size_t count) {
  const int64_t index = json_integer(json_member(call, "index"), -1);
  if (index >= 0) return index;
  changed_ = true;
  const std::string_view id = json_inner(json_member(call, "id"));
  if (!id.empty()) {
    const OpenCall* known = job_.calls->find_id(choice, id);
    return known != nullptr ? known->index : job_.calls->last_index(choice) + 1;
  }
  if (count > 1) return position;
  const int64_t last = job_.calls->last_index(choice);
  return last < 0 ? 0 : last;
}

void Writer::call_delta(std::string_view call, int64_t choice, int64_t position, size_t count,
                        bool finishing) {
  const int64_t index = call_index(call, choice, position, count);
  OpenCall* known = job_.calls->find(choice, index);
  if (known == nullptr) return call_open(call, choice, index, finishing);
  const std::string_view function = json_member(call, "function");
  const std::string_view name = json_member(function, "name");
  // What the first delta of a call has said is not said again.
  const bool repeats =
      !json_member(call, "id").empty() || !json_member(call, "type").empty() || !name.empty();
  if (repeats) changed_ = true;
  open();
  key("index");
  out_->add_number(index);
  key("function");
  open();
  const std::string_view piece = arguments(json_member(function, "arguments"), "\"\"");
  known->arguments |= !json_inner(piece).empty();
  copy("arguments", piece);
  close();
  close();
}

void Writer::call_open(std::string_view call, int64_t choice, int64_t index, bool finishing) {
  const std::string_view function = json_member(call, "function");
  const std::string_view type = json_member(call, "type");
  const std::string_view id = json_member(call, "id");
  OpenCall* opened = job_.calls->open(choice, index, json_inner(id), job_.call.arena);
  open();
  key("index");
  out_->add_number(index);
  call_id(id, choice * 64 + index);
  copy("type", json_inner(type).empty() ? changed("\"function\"") : type);
  key("function");
  open();
  JsonMembers parts(function);
  while (parts.next()) {
    if (parts.key() != "arguments") copy(parts.key(), parts.value());
  }
  const std::string_view piece =
      arguments(json_member(function, "arguments"), finishing ? "\"{}\"" : "\"\"");
  if (opened != nullptr) opened->arguments = !json_inner(piece).empty();
  copy("arguments", piece);
  close();
  close();
}

}  // namespace

RepairResult ReplyRepair::run(std::string_view json, ArenaText* out) {
  return Writer(*this, out).reply(json);
}

void chunk_head_write(Call& call, std::string_view json, ArenaText* out) {
  const std::string_view id = json_member(json, "id");
  const std::string_view model = json_member(json, "model");
  const int64_t created = json_integer(json_member(json, "created"), -1);
  out->add("\"id\":");
  if (json_inner(id).empty()) {
    id_write(call, out);
  } else {
    out->add(id);
  }
  out->add(",\"object\":").add(object_of(call, true)).add(",\"created\":");
  out->add_number(created >= 0 ? created : call.unix_ms / 1000);
  out->add(",\"model\":").add(json_is_string(model) ? model : call.target.model_json);
}

}  // namespace weir
