// From a request's credential fields to the Principal of a snapshot.
//
// A client's key is looked up by its SHA-256 digest. Its text is kept only in an AcceptedKey, while
// the connection that sent it is open. Accepted:
// `Authorization: Bearer KEY`, `Authorization: Basic KEY` (IBM's Python SDK sends opaque keys so),
// and `api-key` / `x-api-key` as Azure's and Anthropic's clients send. In place of a key each may
// carry a token (JWT) of Weir's own or of an issuer that is trusted. Worker thread.
#pragma once

#include <cstdint>
#include <string_view>

#include <weir/types.h>

#include "http/parser.h"
#include "link/worker_link.h"
#include "proxy/verified_tokens.h"
#include "route/snapshot.h"

namespace weir {

[[nodiscard]] KeyDigest key_digest(std::string_view key);

// The key that a connection sent last and that was found, so that the next request, which nearly
// always brings the same one, needs no digest. Holds for one snapshot only; compared in time that
// does not depend on the text, which is wiped before its memory is given back.
class AcceptedKey {
 public:
  static constexpr size_t kMaxBytes = 512;  // longer ones are looked up each time
  static constexpr int64_t kNoEnd = INT64_MAX;

  AcceptedKey() = default;
  ~AcceptedKey() { forget(); }
  AcceptedKey(const AcceptedKey&) = delete;
  AcceptedKey& operator=(const AcceptedKey&) = delete;

  // Null: another key, another snapshot, or a token that is over. The expiry of the principal is
  // the caller's to judge.
  [[nodiscard]] const Principal* find(std::string_view key, const Snapshot& snapshot,
                                      int64_t unix_s) const;
  // `expires_unix_s`: of a token.
  void keep(std::string_view key, const Snapshot& snapshot, const Principal* principal,
            int64_t expires_unix_s = kNoEnd);
  void forget();

 private:
  struct Entry;  // one allocation, made with the first key that is accepted
  Entry* entry_ = nullptr;
};

// Who asks, or why that is not known.
struct Caller {
  const Principal* principal = nullptr;
  std::string_view refusal;  // for the client; static text
  // With neither: the control thread has to be asked, for what this says.
  SignInCall* ask = nullptr;  // the receiver's to free
};

// Where a credential is looked up. `trust` and `tokens` may be null: no token is believed then.
struct AuthPlace {
  const Snapshot& snapshot;
  const JwtTrust* trust = nullptr;
  VerifiedTokens* tokens = nullptr;
  MetricsBlock* metrics = nullptr;  // null only without `tokens`
};

// No credential, an unknown one and an expired one look the same to the client, but for tokens:
// whoever holds one is told to sign in again.
[[nodiscard]] Caller authenticate(const RequestHead& head, const AuthPlace& place, int64_t unix_s,
                                  AcceptedKey* last);
// The same for a credential that was found to be a token before.
[[nodiscard]] Caller authenticate_token(std::string_view token, const AuthPlace& place,
                                        int64_t unix_s, AcceptedKey* last);

}  // namespace weir
