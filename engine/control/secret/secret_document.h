// What a place that holds secrets gave back: one text, or named fields. Reads the answers of Vault
// and Secrets Manager, and plain JSON objects.
//
// Error texts are static and hold nothing of what was read. Control thread.
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "control/config_secret.h"

namespace weir {

using SecretFields = std::vector<std::pair<std::string, Secret>>;

struct SecretDocument {
  Secret text;          // of a file, a variable, or an arbitrary secret
  SecretFields fields;  // of a key-value secret
  int64_t lease_s = 0;  // how long it holds; 0: not said
  // One value: the field of that name; without a name the text, or what stands in its place.
  [[nodiscard]] std::expected<Secret, const char*> value(std::string_view field) const;
  // All of it as fields: those of a key-value secret, or the JSON object that `value` holds.
  [[nodiscard]] std::expected<SecretFields, const char*> all(std::string_view field) const;
  [[nodiscard]] bool same_as(const SecretDocument& other) const;
};

// The members of a JSON object: strings as their text, everything else as its JSON.
[[nodiscard]] std::expected<SecretFields, const char*> json_fields(std::string_view json);
// The body of a 200 of Vault's KV engine, version 2.
[[nodiscard]] std::expected<SecretDocument, const char*> vault_document(std::string_view body);
// The body of a 200 of Secrets Manager.
[[nodiscard]] std::expected<SecretDocument, const char*> secrets_manager_document(
    std::string_view body);

}  // namespace weir
