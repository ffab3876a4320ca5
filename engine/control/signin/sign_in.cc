#include "control/signin/sign_in.h"

#include <algorithm>

#include "json/json_write.h"

namespace weir {

namespace {

// Keys are looked at once a minute, and so are callers whose tokens are over: what is due then can
// wait that long.
constexpr int64_t kLookS = 60;

}  // namespace

SignIn::SignIn(std::unique_ptr<SigningKeys> keys, Outbound* outbound, Report report)
    : keys_(std::move(keys)), report_(report), issuers_(outbound, std::move(report)) {}

SignIn::~SignIn() {
  for (const SignInCall* call : waiting_) delete call;
}

Sqlited<std::unique_ptr<SignIn>> SignIn::open(const std::string& database,
                                              std::shared_ptr<const Sealer> sealer,
                                              Outbound* outbound, Report report,
                                              int64_t now_unix_s) {
  auto keys = SigningKeys::open(database, std::move(sealer), now_unix_s);
  if (!keys) return std::unexpected(keys.error());
  return std::unique_ptr<SignIn>(new SignIn(std::move(*keys), outbound, std::move(report)));
}

void SignIn::configure(const Config& config) {
  config_ = config.auth;
  attempts_.configure(config_.attempts_per_minute);
  callers_.configure(config_);
  issuers_.configure(config_, config.deny_private_upstreams);
  trust_.reset();
}

void SignIn::take(ControlLink& link, Millis now, int64_t now_unix_s) {
  for (SignInCall* call = link.sign_ins.take_all(); call != nullptr;) {
    SignInCall* next = call->next_message;
    if (call->want == SignInCall::Want::kKeys) {
      issuers_.ask(call, now);
    } else if (callers_.add(call, now_unix_s)) {
      waiting_.push_back(call);
    } else {
      answer(call, false);
    }
    call = next;
  }
}

void SignIn::tick(Millis now, int64_t now_unix_s) {
  issuers_.tick(now);
  if (now_unix_s >= rotated_unix_s_ + kLookS) {
    rotated_unix_s_ = now_unix_s;
    callers_.expire(now_unix_s);
    const SigningLife life{config_.token_lifetime_s, config_.signing_key_rotation_s};
    const auto rotated = keys_->rotate(life, now_unix_s);
    if (!rotated && !rotation_failing_) report_("signing keys: " + rotated.error());
    rotation_failing_ = !rotated;
    if (rotated && *rotated) {
      trust_.reset();
      keys_epoch_ = 0;
    }
  }
  if (issuers_.take_changed()) trust_.reset();
  if (callers_.take_changed() || trust_ == nullptr) dirty_ = true;
  for (SignInCall* call = issuers_.release(); call != nullptr;) {
    SignInCall* next = call->next_message;
    if (call->ok) {
      waiting_.push_back(call);
    } else {
      answer(call, false);
    }
    call = next;
  }
  // Nothing has to be published for these: all is there already.
  if (!dirty_) published(0, true);
}

std::shared_ptr<const JwtTrust> SignIn::trust() {
  if (trust_ != nullptr) return trust_;
  auto made = std::make_shared<JwtTrust>();
  made->number = ++trust_number_;
  JwtIssuer own;
  own.issuer = kOwnIssuer;
  own.audience = kOwnAudience;
  own.own = true;
  own.keys = keys_->verify_keys();
  made->issuers.push_back(std::move(own));
  for (size_t i = 0; i < config_.oidc.size(); ++i) {
    const OidcConfig& config = config_.oidc[i];
    JwtIssuer issuer;
    issuer.issuer = config.issuer;
    issuer.audience = config.audience;
    issuer.subject_claim = config.subject_claim;
    issuer.groups_claim = config.groups_claim;
    issuer.admin_groups = config.admin_groups;
    issuer.keys = issuers_.keys(i);
    made->issuers.push_back(std::move(issuer));
  }
  trust_ = std::move(made);
  return trust_;
}

void SignIn::published(uint64_t epoch, bool good) {
  if (epoch != 0 && good) {
    dirty_ = false;
    if (keys_epoch_ == 0) keys_epoch_ = epoch;
  }
  for (SignInCall* call : waiting_) {
    if (!good) {
      call->problem = Errc::kOverloaded;
      call->message = "the caller's record could not be made; try again";
    }
    answer(call, good);
  }
  waiting_.clear();
}

void SignIn::adopted(uint64_t epoch) {
  if (keys_->waiting() && keys_epoch_ != 0 && epoch >= keys_epoch_) keys_->take_over();
}

void SignIn::answer(SignInCall* call, bool good) {
  call->ok = good;
  WorkerLink* worker = call->worker;
  worker->sign_ins.push(call);
  if (worker->wake != nullptr) worker->wake(worker);
}

SignIn::Issued SignIn::issue(const Principal& principal, const KeyDigest& digest,
                             int64_t now_unix_s) const {
  Issued out;
  out.expires_unix_s = now_unix_s + config_.token_lifetime_s;
  if (principal.expires_unix_s != 0) {
    out.expires_unix_s = std::min(out.expires_unix_s, principal.expires_unix_s);
  }
  std::string claims = "{\"iss\":";
  json_append_string(&claims, kOwnIssuer);
  claims += ",\"aud\":";
  json_append_string(&claims, kOwnAudience);
  claims += ",\"sub\":";
  json_append_string(&claims, principal.id);
  claims += ",\"" + std::string(kOwnMarkClaim) + "\":";
  json_append_string(&claims, jwt_key_mark(digest));
  claims += ",\"iat\":";
  append_number(&claims, now_unix_s);
  claims += ",\"exp\":";
  append_number(&claims, out.expires_unix_s);
  out.token = keys_->signing().token(claims + "}");
  return out;
}

SignInCounters SignIn::counters() const {
  return {issued_, refused_, callers_.size(), issuers_.fetches(), issuers_.failures()};
}

}  // namespace weir
