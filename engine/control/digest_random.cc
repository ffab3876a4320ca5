#include <openssl/rand.h>

#include "base/check.h"
#include "control/digest.h"

namespace weir {

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
