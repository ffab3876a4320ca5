// The keys that this Weir signs its own tokens with. The first is made when there is none; each
// takes over from the one before, whose tokens stay good until they have run out.
//
// Kept in the database, sealed. A new key is published first (publish() says so) and signs from
// take_over() on, so that no worker meets a token whose key it does not know. Control thread.
#pragma once

#include <cstdint>
#include <expected>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "control/secret/sealer.h"
#include "control/store/sqlite.h"
#include "jwt/jwk_set.h"
#include "jwt/signing_key.h"

namespace weir {

struct SigningLife {
  int64_t token_s = 3600;
  int64_t rotation_s = 30 * 86'400;
};

class SigningKeys {
 public:
  // Reads what `database` holds (empty: one in memory) and makes the first key. The error is one
  // line.
  [[nodiscard]] static Sqlited<std::unique_ptr<SigningKeys>> open(
      const std::string& database, std::shared_ptr<const Sealer> sealer, int64_t now_unix_s);

  // Makes the next key and drops those whose tokens are over. True: what verify_keys() gives has
  // changed, and has to be published. An error leaves everything as it was.
  [[nodiscard]] Sqlited<bool> rotate(const SigningLife& life, int64_t now_unix_s);
  // All keys that were published: the newest signs from now on.
  void take_over() { signing_ = keys_.size() - 1; }
  [[nodiscard]] bool waiting() const { return signing_ + 1 != keys_.size(); }

  [[nodiscard]] std::vector<JwtKey> verify_keys() const;
  [[nodiscard]] const SigningKey& signing() const { return keys_[signing_].key; }

 private:
  struct Kept {
    SigningKey key;
    int64_t created_unix_s = 0;
    int64_t replaced_unix_s = 0;  // when the next one was made; 0: it is the newest
  };
  SigningKeys(Sqlite database, std::shared_ptr<const Sealer> sealer)
      : database_(std::move(database)), sealer_(std::move(sealer)) {}
  Sqlited<void> load();
  Sqlited<void> add(int64_t now_unix_s);
  Sqlited<void> drop_before(int64_t replaced_unix_s);

  Sqlite database_;
  std::shared_ptr<const Sealer> sealer_;
  std::vector<Kept> keys_;  // oldest first; never empty after open()
  size_t signing_ = 0;
};

}  // namespace weir
