// A value that must not be shown: an API key, a password. It cannot be printed or compared by
// accident; who needs the bytes says reveal(). Any thread.
//
// A secret that was given as a reference to something that may change (a file, a vault) keeps the
// reference, and has no value before it was read (control/secret/secret_resolver.h).
//
// secret_resolve reads `env:NAME` and `file:PATH` (relative to `folder`, one line end at its end
// dropped, 64 KiB at most); a reference to a vault it only judges by its form; any other text is
// the value itself. Its error text holds no value.
#pragma once

#include <expected>
#include <string>
#include <string_view>

namespace weir {

class Secret {
 public:
  Secret() = default;
  explicit Secret(std::string value) : value_(std::move(value)) {}
  [[nodiscard]] static Secret referred(std::string reference, std::string value = {}) {
    Secret secret(std::move(value));
    secret.reference_ = std::move(reference);
    return secret;
  }
  [[nodiscard]] const std::string& reveal() const { return value_; }
  [[nodiscard]] bool empty() const { return value_.empty(); }
  // "vault:...", "crn:..." or "file:" with the path as seen from here; empty: the value stays.
  [[nodiscard]] const std::string& reference() const { return reference_; }
  // There is a value, or there will be one.
  [[nodiscard]] bool given() const { return !value_.empty() || !reference_.empty(); }

  template <typename Stream>
  friend Stream& operator<<(Stream&, const Secret&) = delete;

 private:
  std::string value_, reference_;
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
