#include "control/api/new_key.h"

#include "control/digest.h"

namespace weir {

NewKey new_key() {
  constexpr size_t kRandomBytes = 20, kShown = 11;
  std::string text = "weir-" + random_hex(kRandomBytes);
  NewKey key;
  const KeyDigest digest = sha256_digest(text);
  key.sha256 = hex_of({reinterpret_cast<const char*>(digest.data()), digest.size()});
  key.prefix = text.substr(0, kShown);
  key.value = Secret(std::move(text));
  return key;
}

}  // namespace weir
