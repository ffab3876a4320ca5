#include "control/digest.h"

#include <cstring>

#include "base/check.h"
#include "base/sha.h"

namespace weir {

namespace {

uint8_t nibble(char c) { return static_cast<uint8_t>(c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10); }

}  // namespace

KeyDigest sha256_digest(std::string_view text) { return sha256(text); }

std::string hex_of(std::string_view bytes) {
  static constexpr char kHex[] = "0123456789abcdef";
  std::string out;
  out.reserve(bytes.size() * 2);
  for (const char c : bytes) {
    const auto byte = static_cast<uint8_t>(c);
    out += kHex[byte >> 4];
    out += kHex[byte & 15];
  }
  return out;
}

KeyDigest digest_from_hex(std::string_view hex) {
  KeyDigest digest{};
  WEIR_CHECK(hex.size() == digest.size() * 2);
  for (size_t i = 0; i < digest.size(); ++i) {
    digest[i] = static_cast<uint8_t>(nibble(hex[2 * i]) << 4 | nibble(hex[2 * i + 1]));
  }
  return digest;
}

std::string uuid_text(const uint8_t* from, uint8_t version) {
  uint8_t bytes[16];
  std::memcpy(bytes, from, sizeof bytes);
  bytes[6] = static_cast<uint8_t>((bytes[6] & 0x0f) | version << 4);
  bytes[8] = static_cast<uint8_t>((bytes[8] & 0x3f) | 0x80);
  std::string text = hex_of({reinterpret_cast<const char*>(bytes), sizeof bytes});
  for (const size_t at : {20u, 16u, 12u, 8u}) text.insert(at, 1, '-');
  return text;
}

std::string uuid_from_name(std::string_view name) {
  static constexpr uint8_t kNamespace[16] = {0x9d, 0x1b, 0x6c, 0x54, 0x2a, 0x7e, 0x4f, 0x0b,
                                             0xa8, 0x33, 0x70, 0x5e, 0x1c, 0xd2, 0x96, 0x4a};
  std::string input(reinterpret_cast<const char*>(kNamespace), sizeof kNamespace);
  input += name;
  return uuid_text(sha1(input).data(), 5);
}

}  // namespace weir
