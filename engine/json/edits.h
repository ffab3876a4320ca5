// Turns the closed list of edits into the slices of an upstream body.
//
// A same-dialect body is never rebuilt: every byte outside the edited ranges goes upstream as the
// client sent it. The slices borrow from the body, from the edit texts and from nothing else.
#pragma once

#include <array>
#include <string_view>

#include <weir/types.h>

namespace weir {

// Collects edits of one body. Members that are removed take exactly one comma with them, whatever
// combination of members is removed; when none is left and none is inserted, `{}` remains.
class EditList {
 public:
  static constexpr size_t kMax = RequestView::kMaxEdits;
  explicit EditList(const RequestView& view) : view_(view) {}

  // Each returns false when the list is full, which leaves the list as it was. On a field that is
  // not in the body they do nothing. The last replacement (or name) of a field wins; removal wins
  // over both.
  [[nodiscard]] bool replace(Field field, std::string_view json);
  [[nodiscard]] bool rename(Field field, std::string_view quoted_key);
  [[nodiscard]] bool remove(Field field);
  // Adds a member at the end of the top-level object: `text` is `"key":value` without any comma.
  // At most kMaxInserts texts. The key must not be in the body: see RequestView::present().
  [[nodiscard]] bool insert(std::string_view text);

  // Pushes the edited body; false when `out` is too small. The list keeps its edits.
  [[nodiscard]] bool build(SliceList* out) const;

 private:
  static constexpr size_t kMaxInserts = 2;
  // A removal needs the slice before it, an edit and an insert two each; two more end the body.
  static_assert(kMax + 2 * kMax + 2 * kMaxInserts + 2 <= SliceList::kMax);

  [[nodiscard]] bool put(ByteRange range, std::string_view text);
  [[nodiscard]] bool removed(Field field) const;
  [[nodiscard]] bool push_inserts(bool after_member, SliceList* out) const;

  const RequestView& view_;
  size_t count_ = 0;
  std::array<Edit, kMax> edits_{};
  size_t removal_count_ = 0;
  std::array<Field, kMax> removals_{};
  size_t insert_count_ = 0;
  std::array<std::string_view, kMaxInserts> inserts_{};
};

}  // namespace weir
