// Reads secrets from HashiCorp Vault: GET /v1/MOUNT/data/PATH with a token, which is kept alive as
// long as Vault allows it.
//
// A token in a file is read again for every call, so that an agent may replace it. Reasons for a
// failure hold no value. The Outbound must outlive it. Control thread.
#pragma once

#include <expected>
#include <functional>
#include <string>

#include "control/config_vaults.h"
#include "control/outbound.h"
#include "control/secret/secret_document.h"

namespace weir {

using SecretRead = std::function<void(std::expected<SecretDocument, std::string> read)>;

class VaultClient {
 public:
  explicit VaultClient(Outbound* outbound) : outbound_(outbound) {}
  VaultClient(const VaultClient&) = delete;
  VaultClient& operator=(const VaultClient&) = delete;

  // True: what was read before may have another value now.
  bool configure(const VaultConfig& config);
  // Ends in exactly one call of `done`, now or from Outbound::perform().
  void read(const std::string& path, SecretRead done);
  // Renews the token when it is time, once a read has shown that the vault is in use.
  void tick(int64_t unix_ms);

 private:
  void ask(const std::string& path, bool again, SecretRead done);
  [[nodiscard]] OutboundRequest request_to(const std::string& path) const;
  void token_refresh();
  void token_ask(bool renew);
  void token_finish(bool renew, const OutboundReply& reply);

  Outbound* outbound_;
  VaultConfig config_;
  std::string token_;
  // When the token's life is to be asked for or extended; 0: not now.
  int64_t token_at_unix_ms_ = 0;
  bool token_known_ = false;  // its life was asked for
  bool token_in_flight_ = false;
  uint64_t generation_ = 0;   // of the token, so that a late answer about an old one is dropped
};

}  // namespace weir
