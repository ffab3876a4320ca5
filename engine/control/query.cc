#include "control/query.h"

#include <utility>

#include "control/percent.h"

namespace weir {

namespace {

// What stands before the mark, which is taken away with it; all, when there is none.
std::string_view take_until(std::string_view* text, char mark) {
  const size_t at = text->find(mark);
  if (at == std::string_view::npos) return std::exchange(*text, {});
  const std::string_view taken(text->data(), at);
  text->remove_prefix(at + 1);
  return taken;
}

}  // namespace

bool QueryMembers::next() {
  if (rest_.empty()) return false;
  std::string_view value = take_until(&rest_, '&');
  name_ = percent_decode(take_until(&value, '='));
  value_ = percent_decode(value);
  return true;
}

std::optional<std::string> query_value(std::string_view query, std::string_view name) {
  QueryMembers members(query);
  while (members.next()) {
    if (members.name() == name) return members.value();
  }
  return std::nullopt;
}

}  // namespace weir
