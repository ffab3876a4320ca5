#include "control/signin/callers.h"

#include <algorithm>
#include <utility>

#include "control/digest.h"

namespace weir {

namespace {

const OidcConfig* issuer_of(const AuthConfig& config, std::string_view issuer,
                            std::string_view audience) {
  const auto found =
      std::find_if(config.oidc.begin(), config.oidc.end(), [&](const OidcConfig& one) {
        return one.issuer == issuer && one.audience == audience;
      });
  return found == config.oidc.end() ? nullptr : &*found;
}

}  // namespace

void SignedInCallers::configure(const AuthConfig& config) {
  config_ = config;
  std::erase_if(callers_, [this](const auto& one) {
    return issuer_of(config_, one.second.issuer, one.second.audience) == nullptr;
  });
}

bool SignedInCallers::add(SignInCall* call, int64_t now_unix_s) {
  if (issuer_of(config_, call->issuer, call->audience) == nullptr) {
    call->problem = Errc::kUnauthorized;
    call->message = "the token's issuer is not accepted any more";
    return false;
  }
  if (const auto known = callers_.find(call->digest); known != callers_.end()) {
    known->second.expires_unix_s = std::max(known->second.expires_unix_s, call->expires_unix_s);
    return true;
  }
  if (callers_.size() >= config_.max_callers) expire(now_unix_s);
  if (callers_.size() >= config_.max_callers) {
    call->problem = Errc::kOverloaded;
    call->message = "too many callers are signed in (auth.max_callers); try again later";
    return false;
  }
  callers_.emplace(call->digest, Caller{call->issuer, call->audience, call->subject, call->groups,
                                        call->admin, call->expires_unix_s});
  changed_ = true;
  return true;
}

bool SignedInCallers::expire(int64_t now_unix_s) {
  const size_t gone = std::erase_if(
      callers_, [now_unix_s](const auto& one) { return one.second.expires_unix_s <= now_unix_s; });
  changed_ = changed_ || gone != 0;
  return gone != 0;
}

std::vector<KeyConfig> SignedInCallers::keys(const AuthConfig& config) const {
  std::vector<KeyConfig> out;
  out.reserve(callers_.size());
  for (const auto& [digest, caller] : callers_) {
    const OidcConfig* issuer = issuer_of(config, caller.issuer, caller.audience);
    if (issuer == nullptr) continue;
    KeyConfig key;
    key.sha256 = hex_of({reinterpret_cast<const char*>(digest.data()), digest.size()});
    // The same subject with other groups is another record.
    key.uuid = uuid_from_name("caller/" + key.sha256);
    key.name = "user:" + caller.subject;
    key.user = caller.subject;
    key.groups = caller.groups;
    key.tenant = issuer->tenant;
    key.environment = issuer->environment;
    key.role = caller.admin ? Role::kAdmin : Role::kUser;
    out.push_back(std::move(key));
  }
  return out;
}

bool SignedInCallers::take_changed() { return std::exchange(changed_, false); }

}  // namespace weir
