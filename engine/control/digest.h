// Hashes and random values of the control plane: digests of client keys, stable ids of objects from
// the file; and by OpenSSL (digest_random.cc, which a program that only decides does without) new
// keys. Any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "route/snapshot.h"

namespace weir {

[[nodiscard]] KeyDigest sha256_digest(std::string_view text);
// 64 hexadecimal digits, checked before.
[[nodiscard]] KeyDigest digest_from_hex(std::string_view hex);
[[nodiscard]] std::string hex_of(std::string_view bytes);
// The first 16 bytes, marked as that version.
[[nodiscard]] std::string uuid_text(const uint8_t* from, uint8_t version);
// Version 5, in Weir's own namespace: the same name always gives the same id.
[[nodiscard]] std::string uuid_from_name(std::string_view name);
[[nodiscard]] std::string uuid_random();  // version 4
[[nodiscard]] std::string random_hex(size_t bytes);
[[nodiscard]] uint64_t random_u64();

}  // namespace weir
