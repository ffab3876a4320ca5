// A value that must not be shown: an API key, a password. It cannot be printed or compared by
// accident; who needs the bytes says reveal(). Any thread.
//
// secret_resolve reads `env:NAME` and `file:PATH` (relative to `folder`, one line end at its end
// dropped, 64 KiB at most); any other text is the value itself. Its error text holds no value.
#pragma once

#include <expected>
#include <string>
#include <string_view>

namespace weir {

class Secret {
 public:
  Secret() = default;
  explicit Secret(std::string value) : value_(std::move(value)) {}
  [[nodiscard]] const std::string& reveal() const { return value_; }
  [[nodiscard]] bool empty() const { return value_.empty(); }

  template <typename Stream>
  friend Stream& operator<<(Stream&, const Secret&) = delete;

 private:
  std::string value_;
};

struct ResolvedSecret {
  Secret value;
  bool in_clear = false;  // it stood in the file itself
};

[[nodiscard]] std::expected<ResolvedSecret, std::string> secret_resolve(std::string_view reference,
                                                                        std::string_view folder);
// A whole file as text; an error names the path and the reason.
[[nodiscard]] std::expected<std::string, std::string> file_read(const std::string& path,
                                                                size_t max_bytes);
// `path` as seen from `folder`, unless it is absolute or the folder is empty.
[[nodiscard]] std::string path_join(std::string_view folder, std::string_view path);

}  // namespace weir
