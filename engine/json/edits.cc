#include "json/edits.h"

#include <algorithm>

#include "base/check.h"
#include "json/text.h"

namespace weir {

namespace {

using Cuts = std::array<ByteRange, EditList::kMax>;

// Offset of the comma that follows `at` behind white space only; body.size() when there is none.
size_t comma_behind(std::string_view body, size_t at) {
  while (at < body.size() && is_json_space(body[at])) ++at;
  return at < body.size() && body[at] == ',' ? at : body.size();
}

// The same backwards; body.size() when the object's brace comes first.
size_t comma_before(std::string_view body, size_t at) {
  while (at > 0 && is_json_space(body[at - 1])) --at;
  return at > 0 && body[at - 1] == ',' ? at - 1 : body.size();
}

// Turns whole members, sorted by place, into the ranges to cut. A member with one kept before it
// goes with the comma in front; members that lead the object go with the comma behind.
void extend_over_commas(std::string_view body, Cuts& cuts, size_t count) {
  bool leading = true;
  size_t comma_of_previous = body.size();
  for (size_t i = 0; i < count; ++i) {
    const size_t before = comma_before(body, cuts[i].begin);
    const bool first = before == body.size();
    leading = first || (leading && i > 0 && before == comma_of_previous);
    comma_of_previous = comma_behind(body, cuts[i].end);
    if (!leading) {
      cuts[i].begin = static_cast<uint32_t>(before);
    } else if (comma_of_previous != body.size()) {
      cuts[i].end = static_cast<uint32_t>(comma_of_previous + 1);
    }
  }
}

bool push_range(std::string_view body, size_t begin, size_t end, SliceList* out) {
  return out->push(Slice(body.substr(begin, end - begin)));
}

}  // namespace

bool EditList::replace(Field field, std::string_view json) {
  return !view_.present(field) || put(view_.member(field).value, json);
}

bool EditList::rename(Field field, std::string_view quoted_key) {
  return !view_.present(field) || put(view_.member(field).key, quoted_key);
}

bool EditList::remove(Field field) {
  if (!view_.present(field) || removed(field)) return true;
  if (removal_count_ == kMax) return false;
  removals_[removal_count_++] = field;
  return true;
}

bool EditList::insert(std::string_view text) {
  if (insert_count_ == kMaxInserts) return false;
  inserts_[insert_count_++] = text;
  return true;
}

bool EditList::build(SliceList* out) const {
  if (count_ + removal_count_ + insert_count_ == 0) return out->push(Slice(view_.body));
  Cuts cuts;
  for (size_t i = 0; i < removal_count_; ++i) {
    const Member& member = view_.member(removals_[i]);
    cuts[i] = {member.key.begin, member.value.end};
  }
  const auto by_place = [](ByteRange a, ByteRange b) { return a.begin < b.begin; };
  std::sort(cuts.begin(), cuts.begin() + removal_count_, by_place);
  const uint32_t close = view_.root.end - 1;
  const bool nothing_left = removal_count_ == view_.member_count;
  size_t cut_count = removal_count_;
  if (nothing_left) {
    cuts[0] = {view_.root.begin + 1, close};
    cut_count = 1;
  } else {
    extend_over_commas(view_.body, cuts, cut_count);
  }
  std::array<Edit, 2 * kMax> plan;
  size_t planned = 0;
  for (size_t i = 0; i < cut_count; ++i) plan[planned++] = {cuts[i], {}};
  for (size_t i = 0; i < count_; ++i) {
    const ByteRange range = edits_[i].range;
    const bool gone = std::any_of(cuts.begin(), cuts.begin() + cut_count, [&](ByteRange cut) {
      return cut.begin <= range.begin && range.end <= cut.end;
    });
    if (!gone) plan[planned++] = edits_[i];
  }
  std::sort(plan.begin(), plan.begin() + planned,
            [&](const Edit& a, const Edit& b) { return by_place(a.range, b.range); });
  size_t at = 0;
  for (size_t i = 0; i < planned; ++i) {
    WEIR_DCHECK(at <= plan[i].range.begin);
    if (!push_range(view_.body, at, plan[i].range.begin, out)) return false;
    if (!out->push(Slice(plan[i].text))) return false;
    at = plan[i].range.end;
  }
  if (insert_count_ != 0) {
    if (!push_range(view_.body, at, close, out) || !push_inserts(!nothing_left, out)) return false;
    at = close;
  }
  return push_range(view_.body, at, view_.body.size(), out);
}

bool EditList::put(ByteRange range, std::string_view text) {
  for (size_t i = 0; i < count_; ++i) {
    if (edits_[i].range.begin != range.begin) continue;
    edits_[i].text = text;
    return true;
  }
  if (count_ == kMax) return false;
  edits_[count_++] = {range, text};
  return true;
}

bool EditList::removed(Field field) const {
  const auto end = removals_.begin() + removal_count_;
  return std::find(removals_.begin(), end, field) != end;
}

bool EditList::push_inserts(bool after_member, SliceList* out) const {
  for (size_t i = 0; i < insert_count_; ++i) {
    if ((after_member || i > 0) && !out->push(Slice(std::string_view(",")))) return false;
    if (!out->push(Slice(inserts_[i]))) return false;
  }
  return true;
}

}  // namespace weir
