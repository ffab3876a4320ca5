// The query of a request target, member by member, with its escapes resolved. Any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace weir {

class QueryMembers {
 public:
  explicit QueryMembers(std::string_view query) : rest_(query) {}  // borrowed
  // The next member; false: there is none.
  [[nodiscard]] bool next();
  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] const std::string& value() const { return value_; }

 private:
  std::string_view rest_;
  std::string name_, value_;
};

// Of the first member with that name; nothing: there is none.
[[nodiscard]] std::optional<std::string> query_value(std::string_view query,
                                                     std::string_view name);

}  // namespace weir
