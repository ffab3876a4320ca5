#include "control/secret/secrets_manager_client.h"

#include <algorithm>
#include <utility>

#include "control/config_crn.h"
#include "route/target.h"

namespace weir {

namespace {

constexpr size_t kMaxAnswer = 1 << 20;
// A token is not used in the last part of its life.
constexpr int64_t kLastPart = 5;

std::string reason_of(int status) {
  const std::string number = " (status " + std::to_string(status) + ")";
  if (status == 401 || status == 403) {
    return "Secrets Manager refused secrets_manager.apikey, or it may not read this" + number;
  }
  if (status == 404) return "Secrets Manager has no such secret" + number;
  return "Secrets Manager failed" + number;
}

std::string own_address(const Crn& crn) {
  return "https://" + std::string(crn.instance) + "." + std::string(crn.region) +
         ".secrets-manager.appdomain.cloud";
}

}  // namespace

bool SecretsManagerClient::configure(const SecretsManagerConfig& config, bool deny_private) {
  const bool same = config.apikey.reveal() == config_.apikey.reveal() &&
                    config.auth_url == config_.auth_url;
  const bool moved = !same || config.base_url != config_.base_url;
  config_ = config;
  deny_private_ = deny_private;
  if (same) return moved;
  token_.clear();
  token_until_unix_ms_ = 0;
  ++generation_;
  return moved;
}

void SecretsManagerClient::read(const std::string& crn, const std::string& base_url,
                                SecretRead done) {
  const auto parsed = secret_crn_parse(crn);
  if (!parsed) return done(std::unexpected(std::string(parsed.error())));
  std::string url = !base_url.empty()           ? base_url
                    : config_.base_url.empty() ? own_address(*parsed)
                                                : config_.base_url;
  while (url.ends_with('/')) url.pop_back();
  ask(url + "/api/v2/secrets/" + std::string(parsed->resource), true, std::move(done));
}

void SecretsManagerClient::ask(const std::string& url, bool again, SecretRead done) {
  with_token([this, url, again, done = std::move(done)](const std::string& problem) mutable {
    if (!problem.empty()) return done(std::unexpected(problem));
    OutboundRequest request;
    request.is_get = true;
    request.url = url;
    request.headers = {{"Authorization", "Bearer " + token_}, {"Accept", "application/json"}};
    request.ca_pem = config_.ca_pem;
    request.deny_private = deny_private_;
    request.max_body = kMaxAnswer;
    outbound_->start(std::move(request), [this, url, again, used = token_, done = std::move(done)](
                                             const OutboundReply& reply) mutable {
      if (reply.status == 0) {
        return done(std::unexpected("Secrets Manager cannot be reached: " + reply.error));
      }
      if (reply.status == 401 && again) {
        if (used == token_) token_until_unix_ms_ = 0;
        return ask(url, false, std::move(done));
      }
      if (reply.status != 200) return done(std::unexpected(reason_of(reply.status)));
      auto document = secrets_manager_document(reply.body);
      if (document) return done(std::move(*document));
      done(std::unexpected("the answer of Secrets Manager " + std::string(document.error())));
    });
  });
}

void SecretsManagerClient::with_token(TokenWait use) {
  if (!token_.empty() && unix_now_ms() < token_until_unix_ms_) return use("");
  if (iam_ == nullptr || iam_->token_request == nullptr) {
    return use("this build cannot ask IAM for a token");
  }
  if (config_.apikey.empty()) return use("set secrets_manager.apikey to read such references");
  waiting_.push_back(std::move(use));
  if (token_in_flight_) return;
  Provider provider;
  provider.name = "secrets_manager";
  provider.adapter = iam_;
  provider.credential = config_.apikey.reveal();
  provider.options = {{"auth", "iam"}, {"auth_url", config_.auth_url}};
  TokenRequest wanted;
  if (const auto asked = iam_->token_request(provider, &wanted); !asked) {
    return tell(std::string(asked.error().message));
  }
  OutboundRequest request;
  request.url = std::move(wanted.url);
  request.headers = std::move(wanted.headers);
  request.body = std::move(wanted.body);
  request.ca_pem = config_.ca_pem;
  request.max_body = kMaxAnswer;
  token_in_flight_ = true;
  outbound_->start(std::move(request), [this, generation = generation_](OutboundReply reply) {
    token_in_flight_ = false;
    if (generation != generation_) reply = {.status = 0, .body = "", .error = "it was changed"};
    token_finish(reply);
  });
}

void SecretsManagerClient::token_finish(const OutboundReply& reply) {
  if (reply.status == 0) return tell("IAM cannot be reached: " + reply.error);
  Token token;
  const int64_t now = unix_now_ms();
  if (const auto read = iam_->token_reply(reply.status, reply.body, now, &token); !read) {
    return tell(std::string(read.error().message));
  }
  token_ = std::move(token.value);
  token_until_unix_ms_ = token.expires_unix_ms - (token.expires_unix_ms - now) / kLastPart;
  tell("");
}

void SecretsManagerClient::tell(const std::string& problem) {
  for (const TokenWait& use : std::exchange(waiting_, {})) use(problem);
}

}  // namespace weir
