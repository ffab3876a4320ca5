// Sign-in: whose tokens are believed, tokens for API keys, and callers who signed in elsewhere.
//
// The control plane calls configure() with every configuration, take() and tick() in each round,
// and publishes when needs_publishing() says so: with trust() and callers(). published() and
// adopted() tell what became of it. Control thread.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "control/config.h"
#include "control/metrics.h"
#include "control/signin/attempts.h"
#include "control/signin/callers.h"
#include "control/signin/issuer_keys.h"
#include "control/signin/signing_keys.h"
#include "jwt/verify.h"
#include "link/worker_link.h"

namespace weir {

class SignIn {
 public:
  using Report = IssuerKeys::Report;
  [[nodiscard]] static Sqlited<std::unique_ptr<SignIn>> open(const std::string& database,
                                                             std::shared_ptr<const Sealer> sealer,
                                                             Outbound* outbound, Report report,
                                                             int64_t now_unix_s);
  ~SignIn();
  SignIn(const SignIn&) = delete;
  SignIn& operator=(const SignIn&) = delete;

  // Takes effect with the next publication, which the caller is about to make.
  void configure(const Config& config);
  // Requests whose callers workers cannot name.
  void take(ControlLink& link, Millis now, int64_t now_unix_s);
  void tick(Millis now, int64_t now_unix_s);

  [[nodiscard]] bool needs_publishing() const { return dirty_; }
  [[nodiscard]] std::shared_ptr<const JwtTrust> trust();
  // Those that such a configuration accepts.
  [[nodiscard]] std::vector<KeyConfig> callers(const AuthConfig& config) const {
    return callers_.keys(config);
  }
  // A publication with the two has been handed to the workers, or could not be made: answers those
  // who waited for it.
  void published(uint64_t epoch, bool good);
  // Every worker runs at least this epoch.
  void adopted(uint64_t epoch);

  // A token for whoever holds a key of this digest and id, good from now on.
  struct Issued {
    std::string token;
    int64_t expires_unix_s = 0;
  };
  [[nodiscard]] Issued issue(const Principal& principal, const KeyDigest& digest,
                             int64_t now_unix_s) const;
  [[nodiscard]] SignInAttempts& attempts() { return attempts_; }
  void count(bool good) { ++(good ? issued_ : refused_); }

  [[nodiscard]] SignInCounters counters() const;

 private:
  SignIn(std::unique_ptr<SigningKeys> keys, Outbound* outbound, Report report);
  void answer(SignInCall* call, bool good);

  std::unique_ptr<SigningKeys> keys_;
  Report report_;
  SignInAttempts attempts_;
  IssuerKeys issuers_;
  SignedInCallers callers_;
  AuthConfig config_;
  std::shared_ptr<const JwtTrust> trust_;  // null: has to be made again
  uint64_t trust_number_ = 0;
  bool dirty_ = false;
  uint64_t keys_epoch_ = 0;       // the first one with all signing keys in it
  int64_t rotated_unix_s_ = 0;    // when that was last looked at
  bool rotation_failing_ = false;  // and reported
  std::vector<SignInCall*> waiting_;  // for the next publication
  uint64_t issued_ = 0, refused_ = 0;
};

}  // namespace weir
