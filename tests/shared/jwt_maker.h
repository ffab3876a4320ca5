// Makes tokens and key sets as an identity provider does, right and wrong ones: for tests of what
// Weir accepts. One thread.
#pragma once

#include <memory>
#include <string>
#include <string_view>

typedef struct evp_pkey_st EVP_PKEY;

namespace weir {

class JwtMaker {
 public:
  enum class Kind { kRsa, kEc };
  explicit JwtMaker(Kind kind, std::string kid = "key-1", unsigned rsa_bits = 2048);
  ~JwtMaker();
  JwtMaker(const JwtMaker&) = delete;
  JwtMaker& operator=(const JwtMaker&) = delete;

  [[nodiscard]] std::string jwk() const;
  [[nodiscard]] std::string jwks() const { return "{\"keys\":[" + jwk() + "]}"; }
  [[nodiscard]] std::string token(std::string_view claims) const;
  // With a header of the caller's; the signature is this key's all the same.
  [[nodiscard]] std::string token(std::string_view header, std::string_view claims) const;
  [[nodiscard]] std::string header() const;

 private:
  [[nodiscard]] std::string sign(std::string_view input) const;

  Kind kind_;
  std::string kid_;
  EVP_PKEY* key_;
};

}  // namespace weir
