// Where the key of the sealer comes from, and whether the database was sealed with it.
//
// The configuration's `sealing_key`, else the file sealing.key in the data folder, which is made
// (mode 0600) when the database was not sealed yet. The database keeps one sealed text, by which a
// wrong key is known before anything is read or written. Called before any thread runs; error texts
// are one line and hold no key.
#pragma once

#include <expected>
#include <memory>
#include <string>

#include "control/config_secret.h"
#include "control/secret/sealer.h"

namespace weir {

struct SealingKeys {
  Secret current;   // both may be empty
  Secret previous;  // what the database was sealed with before `current`
};

struct OpenedSealer {
  std::shared_ptr<const Sealer> sealer;
  std::string made;  // the file that a new key was just written to; empty: none
};

// `database` is the file of the store, `data_dir` the folder it is in.
[[nodiscard]] std::expected<OpenedSealer, std::string> sealer_open(const SealingKeys& keys,
                                                                   const std::string& data_dir,
                                                                   const std::string& database);

}  // namespace weir
