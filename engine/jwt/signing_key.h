// A private key of this Weir (EC P-256) that signs tokens with ES256. Its key id is made from the
// public half. Who holds the text of save() can sign: it is a secret. Control thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "jwt/public_key.h"

namespace weir {

class SigningKey {
 public:
  [[nodiscard]] static SigningKey generate();
  // What save() gave; nothing when it is something else.
  [[nodiscard]] static std::optional<SigningKey> load(std::string_view saved);
  [[nodiscard]] std::string save() const;

  [[nodiscard]] const std::string& kid() const { return kid_; }
  [[nodiscard]] PublicKey public_key() const;
  // The whole token for the claims (JSON text): header, claims and signature.
  [[nodiscard]] std::string token(std::string_view claims) const;

 private:
  explicit SigningKey(KeyHandle key);
  [[nodiscard]] std::string sign(std::string_view input) const;

  KeyHandle key_;
  std::string x_, y_;
  std::string kid_;
};

}  // namespace weir
