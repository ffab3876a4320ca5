// Callers who signed in elsewhere: for each issuer, subject and set of groups that a worker met, a
// key whose value nobody has, from which the snapshot gets a principal, until its token is over.
//
// The number of them is bounded; those that are over make room. Control thread.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "control/config.h"
#include "link/sign_in_link.h"
#include "route/snapshot.h"

namespace weir {

class SignedInCallers {
 public:
  // Drops those whose issuer is gone.
  void configure(const AuthConfig& config);
  // False: there is no room, or no such issuer; the call's problem and message say so. A record
  // that is there already lives on as long as the token does.
  [[nodiscard]] bool add(SignInCall* call, int64_t now_unix_s);
  // Drops what is over. True: something was.
  bool expire(int64_t now_unix_s);
  // Of the issuers in `config`. A key's name is "user:SUBJECT", so that no subject can take the
  // name of a key.
  [[nodiscard]] std::vector<KeyConfig> keys(const AuthConfig& config) const;
  [[nodiscard]] size_t size() const { return callers_.size(); }
  // Since the last time it was asked: keys() gives something else.
  [[nodiscard]] bool take_changed();

 private:
  struct Caller {
    std::string issuer, audience, subject;
    std::vector<std::string> groups;
    bool admin = false;
    int64_t expires_unix_s = 0;
  };

  AuthConfig config_;
  std::map<KeyDigest, Caller> callers_;
  bool changed_ = false;
};

}  // namespace weir
