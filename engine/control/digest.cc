#include "control/digest.h"

#include <openssl/evp.h>
#include <openssl/rand.h>

#include <cstring>

#include "base/check.h"

namespace weir {

namespace {

std::string uuid_text(uint8_t* bytes, uint8_t version) {
  bytes[6] = static_cast<uint8_t>((bytes[6] & 0x0f) | version << 4);
  bytes[8] = static_cast<uint8_t>((bytes[8] & 0x3f) | 0x80);
  std::string text = hex_of({reinterpret_cast<const char*>(bytes), 16});
  for (const size_t at : {20u, 16u, 12u, 8u}) text.insert(at, 1, '-');
  return text;
}

uint8_t nibble(char c) { return static_cast<uint8_t>(c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10); }

}  // namespace

KeyDigest sha256_digest(std::string_view text) {
  KeyDigest digest{};
  unsigned length = 0;
  WEIR_CHECK(EVP_Digest(text.data(), text.size(), digest.data(), &length, EVP_sha256(), nullptr) ==
             1);
  WEIR_CHECK(length == digest.size());
  return digest;
}

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

std::string uuid_from_name(std::string_view name) {
  static constexpr uint8_t kNamespace[16] = {0x9d, 0x1b, 0x6c, 0x54, 0x2a, 0x7e, 0x4f, 0x0b,
                                             0xa8, 0x33, 0x70, 0x5e, 0x1c, 0xd2, 0x96, 0x4a};
  std::string input(reinterpret_cast<const char*>(kNamespace), sizeof kNamespace);
  input += name;
  uint8_t hash[EVP_MAX_MD_SIZE];
  unsigned length = 0;
  WEIR_CHECK(EVP_Digest(input.data(), input.size(), hash, &length, EVP_sha1(), nullptr) == 1);
  return uuid_text(hash, 5);
}

std::string uuid_random() {
  uint8_t bytes[16];
  WEIR_CHECK(RAND_bytes(bytes, sizeof bytes) == 1);
  return uuid_text(bytes, 4);
}

std::string random_hex(size_t bytes) {
  std::string buffer(bytes, '\0');
  auto* data = reinterpret_cast<unsigned char*>(buffer.data());
  WEIR_CHECK(RAND_bytes(data, static_cast<int>(bytes)) == 1);
  return hex_of(buffer);
}

uint64_t random_u64() {
  uint64_t value = 0;
  WEIR_CHECK(RAND_bytes(reinterpret_cast<unsigned char*>(&value), sizeof value) == 1);
  return value;
}

}  // namespace weir
