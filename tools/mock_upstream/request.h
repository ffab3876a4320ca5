// One request as the mock received it. The head fields lie in one string, so that a reused Request
// costs no allocation; views from header() and field() live until clear().
#pragma once

#include <strings.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace weir::mock {

struct Request {
  std::string method;
  std::string path;
  std::string body;
  std::string head;  // names and values, one after the other
  struct Field {
    std::uint32_t name_at = 0, name_len = 0, value_at = 0, value_len = 0;
  };
  std::vector<Field> fields;
  bool http_1_0 = false;

  void clear() {
    method.clear();
    path.clear();
    body.clear();
    head.clear();
    fields.clear();
    http_1_0 = false;
  }

  std::pair<std::string_view, std::string_view> field(std::size_t i) const {
    const Field& f = fields[i];
    const std::string_view text = head;
    return {text.substr(f.name_at, f.name_len), text.substr(f.value_at, f.value_len)};
  }

  std::string_view header(std::string_view name) const {
    for (std::size_t i = 0; i < fields.size(); ++i) {
      const auto [key, value] = field(i);
      if (key.size() == name.size() && strncasecmp(key.data(), name.data(), name.size()) == 0) {
        return value;
      }
    }
    return {};
  }
};

}  // namespace weir::mock
