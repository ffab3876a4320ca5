// What a text that stands for a secret refers to:
//   env:NAME           a variable of this process's environment
//   file:PATH          a file
//   vault:PATH#FIELD   a field of a secret of HashiCorp Vault's KV engine, version 2
//   crn:...[#FIELD]    a secret of IBM Secrets Manager, or one field of it
// Any other text is the value itself. Only the form is judged here, and error texts are static.
// Pure functions; any thread.
#pragma once

#include <expected>
#include <string>
#include <string_view>

namespace weir {

struct SecretReference {
  enum class Kind : uint8_t { kValue, kEnvironment, kFile, kVault, kSecretsManager };
  Kind kind = Kind::kValue;
  std::string place;  // the variable, the path, or the CRN
  std::string field;  // empty: none is named
  // Whether it needs a call over the network.
  [[nodiscard]] bool is_remote() const { return kind >= Kind::kVault; }
};

// `whole` allows a vault: reference without a field, which then stands for all of them.
[[nodiscard]] std::expected<SecretReference, const char*> reference_parse(std::string_view text,
                                                                          bool whole = false);

}  // namespace weir
