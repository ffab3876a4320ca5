// One text for a list of parts, such that no two lists make the same text: for keys of maps.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>

namespace weir {

[[nodiscard]] inline std::string name_key(std::initializer_list<std::string_view> parts) {
  size_t bytes = 0;
  for (const std::string_view part : parts) bytes += part.size() + 8;
  std::string key;
  key.reserve(bytes);
  for (const std::string_view part : parts) {
    key.append(std::to_string(part.size())).append(":").append(part);
  }
  return key;
}

}  // namespace weir
