#include "adapters/common/body_edits.h"

#include "adapters/common/arena_text.h"
#include "adapters/common/json_walk.h"

namespace weir {

namespace {

constexpr size_t kEnd = std::string_view::npos;

}  // namespace

const Member* BodyMembers::noted(uint32_t begin) const {
  for (const Member& member : view_.members) {
    if (!member.value.empty() && member.key.begin == begin) return &member;
  }
  return nullptr;
}

bool BodyMembers::next() {
  const std::string_view body = view_.body;
  const auto limit = static_cast<size_t>(view_.root.end - 1);
  size_t at = json_skip_space(body, at_);
  if (at < limit && body[at] == ',') at = json_skip_space(body, at + 1);
  if (at >= limit || body[at] != '"') return false;
  if (const Member* known = noted(static_cast<uint32_t>(at)); known != nullptr) {
    member_ = *known;
    at_ = known->value.end;
    return true;
  }
  const size_t key_end = json_skip_value(body, at);
  if (key_end == kEnd) return false;
  size_t value = json_skip_space(body, key_end);
  if (value >= limit || body[value] != ':') return false;
  value = json_skip_space(body, value + 1);
  const size_t value_end = json_skip_value(body, value);
  if (value_end == kEnd || value_end > limit) return false;
  member_.key = {static_cast<uint32_t>(at), static_cast<uint32_t>(key_end)};
  member_.value = {static_cast<uint32_t>(value), static_cast<uint32_t>(value_end)};
  at_ = member_.value.end;
  return true;
}

const BodyEdits::Change* BodyEdits::find(const Member& member) const {
  for (const Change* each = changes_; each != nullptr; each = each->next) {
    if (each->key_begin == member.key.begin) return each;
  }
  return nullptr;
}

BodyEdits::Change& BodyEdits::change(const Member& member) {
  for (Change* each = changes_; each != nullptr; each = each->next) {
    if (each->key_begin == member.key.begin) return *each;
  }
  auto* made = arena_.make<Change>();
  made->key_begin = member.key.begin;
  made->next = changes_;
  changes_ = made;
  return *made;
}

void BodyEdits::replace(const Member& member, std::string_view json) {
  change(member).value = json;
}

void BodyEdits::remove(const Member& member) {
  change(member).removed = true;
}

bool BodyEdits::replace(Field field, std::string_view json) {
  if (view_.present(field)) replace(view_.member(field), json);
  return true;
}

bool BodyEdits::rename(Field field, std::string_view quoted_key) {
  if (view_.present(field)) change(view_.member(field)).key = quoted_key;
  return true;
}

bool BodyEdits::remove(Field field) {
  if (view_.present(field)) remove(view_.member(field));
  return true;
}

bool BodyEdits::insert(std::string_view text) {
  Insert** last = &inserts_;
  while (*last != nullptr) last = &(*last)->next;
  *last = arena_.make<Insert>();
  (*last)->text = text;
  return true;
}

// Gives the edited body to `sink` piece by piece; neighbours that stay are one piece with what the
// client wrote between them.
template <typename Sink>
bool BodyEdits::write(Sink sink) const {
  const auto piece = [&](size_t begin, size_t end) {
    return sink(view_.body.substr(begin, end - begin));
  };
  uint32_t from = 0;  // of the piece that is under way
  uint32_t to = view_.root.begin + 1;
  bool open = true;  // there is a piece under way, [from, to)
  bool any = false;
  BodyMembers members(view_);
  while (members.next()) {
    const Member& member = members.member();
    const Change* made = changes_ == nullptr ? nullptr : find(member);
    if (made != nullptr && made->removed) {
      if (open && !piece(from, to)) return false;
      open = false;
      continue;
    }
    if (!open) {
      if (any && !sink(std::string_view(","))) return false;
      from = member.key.begin;
      open = true;
    }
    any = true;
    to = member.value.end;
    if (made == nullptr) continue;
    if (!made->key.empty()) {
      if (!piece(from, member.key.begin) || !sink(made->key)) return false;
      from = member.key.end;
    }
    if (!made->value.empty()) {
      if (!piece(from, member.value.begin) || !sink(made->value)) return false;
      from = member.value.end;
    }
  }
  if (open && !piece(from, to)) return false;
  for (const Insert* each = inserts_; each != nullptr; each = each->next) {
    if (any && !sink(std::string_view(","))) return false;
    if (!sink(each->text)) return false;
    any = true;
  }
  return piece(view_.root.end - 1, view_.body.size());
}

bool BodyEdits::build(SliceList* out) const {
  out->clear();
  if (write([out](std::string_view text) { return out->push(Slice(text)); })) return true;
  // More pieces than a list can hold: one copy of the body instead.
  ArenaText text(arena_, view_.body.size() + 512);
  static_cast<void>(write([&text](std::string_view piece) {
    text.add(piece);
    return true;
  }));
  out->clear();
  return out->push(Slice(text.view()));
}

}  // namespace weir
