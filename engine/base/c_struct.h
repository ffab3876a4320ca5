// Structs of the C interface across versions: a caller's may be shorter or longer than ours.
#pragma once

#include <algorithm>
#include <cstring>
#include <string_view>

#include <weir/weir.h>

namespace weir {

// What the caller has of it; the rest is zero. Null: all zero.
template <typename T>
[[nodiscard]] T c_read(const T* from) {
  T out{};
  if (from != nullptr) std::memcpy(&out, from, std::min(from->struct_size, sizeof(T)));
  return out;
}

// As much as the caller has room for; its struct_size stays.
template <typename T>
void c_write(const T& from, T* to) {
  if (to == nullptr) return;
  const size_t size = to->struct_size;
  std::memcpy(to, &from, std::min(size, sizeof(T)));
  to->struct_size = size;
}

[[nodiscard]] inline std::string_view c_view(weir_text text) { return {text.data, text.size}; }
[[nodiscard]] inline weir_text c_text(std::string_view text) { return {text.data(), text.size()}; }

inline void c_fail(weir_error* error, std::string_view message) {
  if (error == nullptr || error->struct_size <= offsetof(weir_error, message)) return;
  const size_t room =
      std::min(error->struct_size, sizeof(weir_error)) - offsetof(weir_error, message);
  const size_t size = std::min(message.size(), room - 1);
  std::memcpy(error->message, message.data(), size);
  error->message[size] = '\0';
}

}  // namespace weir
