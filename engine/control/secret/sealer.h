// Seals what is secret before it is written to the database: AES-256-GCM with a fresh 96-bit nonce
// for every value, by OpenSSL.
//
// A sealed value is text, `weir1.KEY.BASE64`: the format's version, the id of the key, and nonce,
// ciphertext and tag. It opens only under the `owner` that it was sealed for ("provider/UUID/data",
// say), so that nobody who can write the database can move a value to another place. One key is
// good for 2^32 values. A sealer never changes; any thread.
#pragma once

#include <array>
#include <cstdint>
#include <expected>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "control/config_secret.h"

namespace weir {

class Sealer {
 public:
  static constexpr size_t kKeyBytes = 32;
  // A key of its own that nobody keeps: for a database in memory.
  [[nodiscard]] static Sealer random();
  // 64 hexadecimal digits, or the same 32 bytes in base64. The error says what a key looks like and
  // holds nothing of the text.
  [[nodiscard]] static std::expected<Sealer, std::string> from_text(std::string_view key);
  [[nodiscard]] static std::string random_key_text();

  ~Sealer();
  Sealer(Sealer&& other) noexcept = default;
  Sealer(const Sealer&) = delete;
  Sealer& operator=(const Sealer&) = delete;
  Sealer& operator=(Sealer&&) = delete;

  // What was sealed with `old` can be opened too; new values are sealed with this one's key.
  void accept_previous(const Sealer& old);

  [[nodiscard]] std::string seal(std::string_view plain, std::string_view owner) const;
  // The error is one line, without any part of the value.
  [[nodiscard]] std::expected<Secret, std::string> open(std::string_view sealed,
                                                        std::string_view owner) const;
  // False: seal it again, so that the previous key is not needed any more.
  [[nodiscard]] bool is_current(std::string_view sealed) const;
  // 16 hexadecimal digits that say which key it is, and nothing about it.
  [[nodiscard]] const std::string& key_id() const { return keys_.front().id; }

 private:
  struct Key {
    std::string id;
    std::unique_ptr<std::array<uint8_t, kKeyBytes>> bytes;  // one place, wiped at the end
  };
  Sealer() = default;
  void add(const uint8_t* bytes);

  std::vector<Key> keys_;  // the first one seals
};

}  // namespace weir
