// Reads secrets from IBM Secrets Manager: GET /api/v2/secrets/ID at the instance's own address,
// with a token of IAM, which is had once for all who wait and renewed before it runs out.
//
// How a token is asked for is the watsonxai adapter's. Reasons for a failure hold no value. The
// Outbound must outlive it. Control thread.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include <weir/adapter.h>

#include "control/config_vaults.h"
#include "control/outbound.h"
#include "control/secret/vault_client.h"

namespace weir {

class SecretsManagerClient {
 public:
  // `iam`: an adapter with a token_request; null: there is none in this build.
  SecretsManagerClient(Outbound* outbound, const Adapter* iam) : outbound_(outbound), iam_(iam) {}
  SecretsManagerClient(const SecretsManagerClient&) = delete;
  SecretsManagerClient& operator=(const SecretsManagerClient&) = delete;

  // True: what was read before may have another value now.
  bool configure(const SecretsManagerConfig& config, bool deny_private);
  // `base_url` empty: the configuration's, else what the CRN's region and instance say. Ends in
  // exactly one call of `done`, now or from Outbound::perform().
  void read(const std::string& crn, const std::string& base_url, SecretRead done);

 private:
  using TokenWait = std::function<void(const std::string& problem)>;  // empty: token_ is good
  void with_token(TokenWait use);
  void token_finish(const OutboundReply& reply);
  void tell(const std::string& problem);
  void ask(const std::string& url, bool again, SecretRead done);

  Outbound* outbound_;
  const Adapter* iam_;
  SecretsManagerConfig config_;
  bool deny_private_ = false;
  std::string token_;
  int64_t token_until_unix_ms_ = 0;
  uint64_t generation_ = 0;  // of the credential
  bool token_in_flight_ = false;
  std::vector<TokenWait> waiting_;
};

}  // namespace weir
