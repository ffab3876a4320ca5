// Edits of the top level of a request body, in any number and of any member, for the dialects that
// leave out more than EditList can: see adapters/common/param_policy.h.
//
// As with EditList nothing is rebuilt: bytes outside the edited members go upstream as the client
// sent them. The slices borrow from the body, the edit texts and the arena. Worker thread.
#pragma once

#include <string_view>

#include <weir/types.h>

#include "base/arena.h"

namespace weir {

// Walks over the members of a scanned body. Members that the scanner noted are stepped over at no
// cost, so a walk is as long as the small members are.
class BodyMembers {
 public:
  explicit BodyMembers(const RequestView& view) : view_(view), at_(view.root.begin + 1) {}
  [[nodiscard]] bool next();
  [[nodiscard]] const Member& member() const { return member_; }
  // Between the quotes, as written.
  [[nodiscard]] std::string_view key() const {
    return view_.body.substr(member_.key.begin + 1, member_.key.size() - 2);
  }
  [[nodiscard]] std::string_view value() const {
    return view_.body.substr(member_.value.begin, member_.value.size());
  }

 private:
  [[nodiscard]] const Member* noted(uint32_t begin) const;
  const RequestView& view_;
  uint32_t at_;
  Member member_;
};

class BodyEdits {
 public:
  BodyEdits(const RequestView& view, Arena& arena) : view_(view), arena_(arena) {}

  // The same meaning as in EditList; a list here is never full, so each returns true.
  bool replace(Field field, std::string_view json);
  bool rename(Field field, std::string_view quoted_key);
  bool remove(Field field);
  bool insert(std::string_view text);
  // Of a member that BodyMembers found.
  void replace(const Member& member, std::string_view json);
  void remove(const Member& member);

  [[nodiscard]] bool build(SliceList* out) const;

 private:
  struct Change {
    uint32_t key_begin = 0;
    bool removed = false;
    std::string_view key;    // with quotes; empty: as it was
    std::string_view value;  // empty: as it was
    Change* next = nullptr;
  };
  struct Insert {
    std::string_view text;
    Insert* next = nullptr;
  };
  Change& change(const Member& member);
  [[nodiscard]] const Change* find(const Member& member) const;
  template <typename Sink>
  bool write(Sink sink) const;

  const RequestView& view_;
  Arena& arena_;
  Change* changes_ = nullptr;
  Insert* inserts_ = nullptr;  // newest last
};

}  // namespace weir
