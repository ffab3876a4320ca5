#include "control/secret/vault_client.h"

#include <algorithm>
#include <charconv>

#include "control/percent.h"

namespace weir {

namespace {

constexpr uint32_t kTimeoutMs = 10'000;
constexpr size_t kMaxAnswer = 1 << 20;
// A token is renewed after two thirds of its life, and asked about again when that failed.
constexpr int64_t kAgainMs = 60'000;
constexpr int64_t kMaxLifeS = 365 * 86'400;

std::string reason_of(int status) {
  const std::string number = " (status " + std::to_string(status) + ")";
  switch (status) {
    case 403:
      return "the vault refused the token, or the token may not read this" + number;
    case 404:
      return "the vault has no such secret" + number;
    case 400:
    case 405:
      return "the vault refused the request; is it a KV engine of version 2?" + number;
    default:
      return "the vault failed" + number;
  }
}

int64_t number_in(const SecretFields& fields, std::string_view name) {
  int64_t value = 0;
  for (const auto& [known, text] : fields) {
    const std::string& digits = text.reveal();
    if (known == name) std::from_chars(digits.data(), digits.data() + digits.size(), value);
  }
  return std::clamp<int64_t>(value, 0, kMaxLifeS);
}

bool flag_in(const SecretFields& fields, std::string_view name) {
  return std::any_of(fields.begin(), fields.end(), [&](const auto& field) {
    return field.first == name && field.second.reveal() == "true";
  });
}

}  // namespace

bool VaultClient::configure(const VaultConfig& config) {
  const bool moved = config.address != config_.address || config.mount != config_.mount ||
                     config.name_space != config_.name_space ||
                     config.token.reveal() != config_.token.reveal();
  config_ = config;
  token_refresh();
  return moved;
}

// The configuration's token, or what its file holds now.
void VaultClient::token_refresh() {
  std::string token = config_.token.reveal();
  if (const std::string& reference = config_.token.reference(); reference.starts_with("file:")) {
    if (auto read = secret_resolve(reference, "")) token = read->value.reveal();
  }
  if (token == token_) return;
  token_ = std::move(token);
  token_known_ = false;
  token_at_unix_ms_ = 0;
  ++generation_;
}

void VaultClient::read(const std::string& path, SecretRead done) {
  token_refresh();
  if (config_.address.empty()) {
    return done(std::unexpected("no vault is configured: set vault.address, or VAULT_ADDR"));
  }
  if (token_.empty()) {
    return done(std::unexpected("there is no token: set vault.token, or VAULT_TOKEN"));
  }
  if (config_.mount.empty() && path.find('/') == std::string::npos) {
    return done(std::unexpected("the path needs the engine's mount in front, or set vault.mount"));
  }
  if (!token_known_ && token_at_unix_ms_ == 0) token_at_unix_ms_ = 1;
  ask(path, true, std::move(done));
}

OutboundRequest VaultClient::request_to(const std::string& path) const {
  OutboundRequest request;
  request.is_get = true;
  request.url = config_.address + "/v1/" + path;
  request.headers = {{"X-Vault-Token", token_}, {"X-Vault-Request", "true"}};
  if (!config_.name_space.empty()) {
    request.headers.emplace_back("X-Vault-Namespace", config_.name_space);
  }
  request.ca_pem = config_.ca_pem;
  request.timeout_ms = kTimeoutMs;
  request.max_body = kMaxAnswer;
  return request;
}

// `again`: a refused token may have been replaced meanwhile.
void VaultClient::ask(const std::string& path, bool again, SecretRead done) {
  const std::string& mount = config_.mount;
  const size_t slash = mount.empty() ? path.find('/') : std::string::npos;
  const std::string below = mount.empty() ? path.substr(slash + 1) : path;
  const std::string engine = mount.empty() ? path.substr(0, slash) : mount;
  auto finish = [this, path, again, generation = generation_,
                 done = std::move(done)](const OutboundReply& reply) mutable {
    if (reply.status == 0) {
      return done(std::unexpected("the vault cannot be reached: " + reply.error));
    }
    if (reply.status == 403 && again) {
      token_refresh();
      if (generation != generation_) return ask(path, false, std::move(done));
    }
    if (reply.status != 200) return done(std::unexpected(reason_of(reply.status)));
    auto document = vault_document(reply.body);
    if (document) return done(std::move(*document));
    done(std::unexpected("the vault's answer " + std::string(document.error())));
  };
  outbound_->start(request_to(path_encode(engine) + "/data/" + path_encode(below)),
                   std::move(finish));
}

void VaultClient::tick(int64_t unix_ms) {
  if (token_at_unix_ms_ == 0 || unix_ms < token_at_unix_ms_ || token_in_flight_) return;
  token_ask(token_known_);
}

void VaultClient::token_ask(bool renew) {
  OutboundRequest request =
      request_to(renew ? "auth/token/renew-self" : "auth/token/lookup-self");
  request.is_get = !renew;
  if (renew) request.body = "{}";
  token_in_flight_ = true;
  outbound_->start(std::move(request),
                   [this, renew, generation = generation_](const OutboundReply& reply) {
                     token_in_flight_ = false;
                     if (generation == generation_) token_finish(renew, reply);
                   });
}

// Both answers tell the life that is left: `data` has ttl and renewable, `auth` has lease_duration.
void VaultClient::token_finish(bool renew, const OutboundReply& reply) {
  const int64_t now = unix_now_ms();
  if (reply.status != 200) {
    // A token that may not ask about itself, or may not be renewed, is used as long as it works.
    const bool refused = reply.status == 403 || reply.status == 400 || reply.status == 404;
    token_known_ = token_known_ || refused;
    token_at_unix_ms_ = refused && !renew ? 0 : now + kAgainMs;
    return;
  }
  token_known_ = true;
  token_at_unix_ms_ = 0;
  const auto whole = json_fields(reply.body);
  if (!whole) return;
  for (const auto& [name, value] : *whole) {
    if (name != (renew ? "auth" : "data")) continue;
    const auto fields = json_fields(value.reveal());
    if (!fields || !flag_in(*fields, "renewable")) continue;
    const int64_t life_s = number_in(*fields, renew ? "lease_duration" : "ttl");
    if (life_s > 0) token_at_unix_ms_ = now + life_s * 1000 * 2 / 3;
  }
}

}  // namespace weir
