// A fresh API key for a client: 160 random bits behind a mark that secret scanners can look for,
// without a dot, so that clients which tell keys from tokens by it do. Any thread.
#pragma once

#include <string>

#include "control/config_secret.h"

namespace weir {

struct NewKey {
  Secret value;        // shown once, never stored
  std::string sha256;  // 64 hexadecimal digits
  std::string prefix;  // its first characters, to tell keys apart
};
[[nodiscard]] NewKey new_key();

}  // namespace weir
