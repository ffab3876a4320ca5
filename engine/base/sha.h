// SHA-1 and SHA-256 of short texts, for names and keys where no cryptography library is linked.
//
// Plain and portable: a few hundred nanoseconds a block. Not for secrets against which somebody may
// measure time: callers compare digests. Any thread.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace weir {

[[nodiscard]] std::array<uint8_t, 20> sha1(std::string_view text);
[[nodiscard]] std::array<uint8_t, 32> sha256(std::string_view text);

}  // namespace weir
