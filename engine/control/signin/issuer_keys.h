// The keys of the issuers in `auth.oidc`: fetched, kept when a fetch fails, fetched again from time
// to time and when a token names a key that is not there.
//
// Requests that wait for keys are answered by release(), after the caller has published what
// keys() gives. One fetch per issuer is under way at a time; between two for unknown keys lies
// auth.jwks_pause. Control thread.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "control/config.h"
#include "control/outbound.h"
#include "jwt/jwk_set.h"
#include "link/sign_in_link.h"

namespace weir {

class IssuerKeys {
 public:
  using Report = std::function<void(const std::string& line)>;
  // `report` gets a line when an issuer's keys cannot be had, and when they can be again.
  IssuerKeys(Outbound* outbound, Report report);
  ~IssuerKeys();
  IssuerKeys(const IssuerKeys&) = delete;
  IssuerKeys& operator=(const IssuerKeys&) = delete;

  // Keeps what is known of issuers that stay as they are.
  void configure(const AuthConfig& config, bool deny_private);
  // Starts what is due.
  void tick(Millis now);
  // A request that names a key its worker does not know. Taken over until release().
  void ask(SignInCall* call, Millis now);

  // Of config.oidc[i], in its order.
  [[nodiscard]] const std::vector<JwtKey>& keys(size_t i) const;
  // Since the last time it was asked: some keys() are others.
  [[nodiscard]] bool take_changed();
  // The calls that can be answered now, linked by next_message.
  [[nodiscard]] SignInCall* release();
  [[nodiscard]] uint64_t fetches() const { return fetches_; }
  [[nodiscard]] uint64_t failures() const { return failures_; }

 private:
  struct Issuer;
  void fetch(const std::shared_ptr<Issuer>& issuer, Millis now);
  void send(const std::shared_ptr<Issuer>& issuer, const std::string& url, bool discovery);
  void discovered(const std::shared_ptr<Issuer>& issuer, const OutboundReply& reply);
  void received(const std::shared_ptr<Issuer>& issuer, const OutboundReply& reply);
  void failed(Issuer* issuer, const std::string& why);
  void finish(Issuer* issuer, bool good);
  void answer(SignInCall* call, bool ok, Errc problem, std::string_view message);

  Outbound* outbound_;
  Report report_;
  std::vector<std::shared_ptr<Issuer>> issuers_;
  uint32_t refresh_ms_ = 0, pause_ms_ = 0;
  bool deny_private_ = false;
  bool changed_ = false;
  Millis now_ = 0;
  SignInCall* answered_ = nullptr;  // newest first
  uint64_t fetches_ = 0, failures_ = 0;
};

}  // namespace weir
