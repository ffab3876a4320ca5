#include "control/signin/issuer_keys.h"

#include <algorithm>
#include <utility>

#include "jwt/json_record.h"
#include "jwt/verify.h"

namespace weir {

namespace {

constexpr uint32_t kTimeoutMs = 5'000;
constexpr size_t kMaxAnswer = 256 * 1024;
constexpr Millis kFirstRetryMs = 1'000;
constexpr Millis kMaxRetryMs = 60'000;
constexpr uint32_t kMaxDoublings = 6;

std::string discovery_url(std::string issuer) {
  while (issuer.ends_with('/')) issuer.pop_back();
  return issuer + "/.well-known/openid-configuration";
}

bool same_place(const OidcConfig& a, const OidcConfig& b) {
  return a.issuer == b.issuer && a.audience == b.audience && a.jwks_url == b.jwks_url &&
         a.ca_pem == b.ca_pem;
}

}  // namespace

struct IssuerKeys::Issuer {
  OidcConfig config;
  std::string text;  // of the key set, to see whether it is another
  std::vector<JwtKey> keys;
  bool in_flight = false;
  bool gone = false;       // not configured any more: what comes back is for nobody
  Millis next = 0;         // when it is due by itself
  Millis asked_next = 0;   // before, an unknown key is no reason to fetch
  uint32_t failures = 0;   // in a row
  std::vector<SignInCall*> waiting;
};

IssuerKeys::IssuerKeys(Outbound* outbound, Report report)
    : outbound_(outbound), report_(std::move(report)) {}

IssuerKeys::~IssuerKeys() {
  for (const auto& issuer : issuers_) {
    for (const SignInCall* call : issuer->waiting) delete call;
  }
  for (SignInCall* call = answered_; call != nullptr;) {
    SignInCall* next = call->next_message;
    delete call;
    call = next;
  }
}

void IssuerKeys::configure(const AuthConfig& config, bool deny_private) {
  refresh_ms_ = config.jwks_refresh_ms;
  pause_ms_ = config.jwks_pause_ms;
  deny_private_ = deny_private;
  std::vector<std::shared_ptr<Issuer>> old = std::move(issuers_);
  issuers_.clear();
  for (const OidcConfig& wanted : config.oidc) {
    const auto same = std::find_if(old.begin(), old.end(), [&](const auto& issuer) {
      return issuer != nullptr && same_place(issuer->config, wanted);
    });
    std::shared_ptr<Issuer> issuer;
    if (same != old.end()) issuer = std::move(*same);
    if (issuer == nullptr) issuer = std::make_shared<Issuer>();
    issuer->config = wanted;
    issuers_.push_back(std::move(issuer));
  }
  for (const auto& issuer : old) {
    if (issuer == nullptr) continue;
    issuer->gone = true;
    finish(issuer.get(), false);
  }
}

void IssuerKeys::tick(Millis now) {
  now_ = now;
  for (const auto& issuer : issuers_) {
    if (!issuer->in_flight && now >= issuer->next) fetch(issuer, now);
  }
}

void IssuerKeys::ask(SignInCall* call, Millis now) {
  now_ = now;
  const auto found = std::find_if(issuers_.begin(), issuers_.end(), [&](const auto& issuer) {
    return issuer->config.issuer == call->issuer && issuer->config.audience == call->audience;
  });
  if (found == issuers_.end()) {
    return answer(call, false, Errc::kUnauthorized, describe(JwtFault::kIssuer));
  }
  Issuer& issuer = **found;
  if (!issuer.in_flight && now < issuer.asked_next) {
    // What the last fetch said holds: either the key is nobody's, or there is nobody to ask.
    if (issuer.failures == 0) return answer(call, true, Errc::kUnauthorized, {});
    return answer(call, false, Errc::kOverloaded,
                  "the keys of the token's issuer cannot be fetched just now; try again");
  }
  issuer.waiting.push_back(call);
  if (!issuer.in_flight) fetch(*found, now);
}

void IssuerKeys::fetch(const std::shared_ptr<Issuer>& issuer, Millis now) {
  issuer->in_flight = true;
  issuer->asked_next = now + pause_ms_;
  ++fetches_;
  const std::string& known = issuer->config.jwks_url;
  send(issuer, known.empty() ? discovery_url(issuer->config.issuer) : known, known.empty());
}

void IssuerKeys::send(const std::shared_ptr<Issuer>& issuer, const std::string& url,
                      bool discovery) {
  OutboundRequest request;
  request.is_get = true;
  request.url = url;
  request.headers = {{"Accept", "application/json"}};
  request.ca_pem = issuer->config.ca_pem;
  request.deny_private = deny_private_;
  request.timeout_ms = kTimeoutMs;
  request.max_body = kMaxAnswer;
  outbound_->start(std::move(request), [this, issuer, discovery](const OutboundReply& reply) {
    if (issuer->gone) return;
    if (reply.status != 200) {
      return failed(issuer.get(), reply.status == 0
                                      ? reply.error
                                      : "the answer has status " + std::to_string(reply.status));
    }
    discovery ? discovered(issuer, reply) : received(issuer, reply);
  });
}

void IssuerKeys::discovered(const std::shared_ptr<Issuer>& issuer, const OutboundReply& reply) {
  const auto document = JsonRecord::parse(reply.body);
  if (!document) return failed(issuer.get(), "the discovery document is no JSON object");
  // OpenID Connect Discovery 4.3: else one issuer could speak for another.
  if (document->text("issuer") != issuer->config.issuer) {
    return failed(issuer.get(), "the discovery document names another issuer");
  }
  const auto url = document->text("jwks_uri");
  const bool usable = url && (url->starts_with("https://") ||
                              (url->starts_with("http://") &&
                               issuer->config.issuer.starts_with("http://")));
  if (!usable) return failed(issuer.get(), "the discovery document names no usable jwks_uri");
  send(issuer, *url, false);
}

void IssuerKeys::received(const std::shared_ptr<Issuer>& issuer, const OutboundReply& reply) {
  if (reply.body != issuer->text) {
    auto keys = jwk_set_read(reply.body);
    if (!keys) return failed(issuer.get(), keys.error());
    issuer->text = reply.body;
    issuer->keys = std::move(*keys);
    changed_ = true;
  }
  if (issuer->failures != 0) {
    report_("the keys of issuer " + message_quote(issuer->config.issuer) + " are there again");
  }
  issuer->failures = 0;
  issuer->next = now_ + refresh_ms_;
  finish(issuer.get(), true);
}

void IssuerKeys::failed(Issuer* issuer, const std::string& why) {
  ++failures_;
  if (issuer->failures == 0) {
    report_("the keys of issuer " + message_quote(issuer->config.issuer) +
            " cannot be fetched: " + why + (issuer->keys.empty() ? "" : "; the old ones stay"));
  }
  issuer->next = now_ + std::min(kFirstRetryMs << std::min(issuer->failures, kMaxDoublings),
                                 kMaxRetryMs);
  ++issuer->failures;
  finish(issuer, false);
}

void IssuerKeys::finish(Issuer* issuer, bool good) {
  issuer->in_flight = false;
  for (SignInCall* call : issuer->waiting) {
    answer(call, good, Errc::kOverloaded,
           "the keys of the token's issuer cannot be fetched just now; try again");
  }
  issuer->waiting.clear();
}

void IssuerKeys::answer(SignInCall* call, bool ok, Errc problem, std::string_view message) {
  call->ok = ok;
  call->problem = problem;
  call->message = message;
  call->next_message = answered_;
  answered_ = call;
}

const std::vector<JwtKey>& IssuerKeys::keys(size_t i) const { return issuers_[i]->keys; }

bool IssuerKeys::take_changed() { return std::exchange(changed_, false); }

SignInCall* IssuerKeys::release() { return std::exchange(answered_, nullptr); }

}  // namespace weir
