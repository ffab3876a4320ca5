// From a request's credential fields to the Principal of a snapshot.
//
// A client's key is looked up by its SHA-256 digest. Its text is kept only in an AcceptedKey, while
// the connection that sent it is open. Accepted:
// `Authorization: Bearer KEY`, `Authorization: Basic KEY` (IBM's Python SDK sends opaque keys so),
// and `api-key` / `x-api-key` as Azure's and Anthropic's clients send. Worker thread.
#pragma once

#include <string_view>

#include <weir/types.h>

#include "http/parser.h"
#include "route/snapshot.h"

namespace weir {

[[nodiscard]] KeyDigest key_digest(std::string_view key);

// The key that a connection sent last and that was found, so that the next request, which nearly
// always brings the same one, needs no digest. Holds for one snapshot only; compared in time that
// does not depend on the text, which is wiped before its memory is given back.
class AcceptedKey {
 public:
  static constexpr size_t kMaxBytes = 512;  // longer ones are looked up each time

  AcceptedKey() = default;
  ~AcceptedKey() { forget(); }
  AcceptedKey(const AcceptedKey&) = delete;
  AcceptedKey& operator=(const AcceptedKey&) = delete;

  // Null: another key, or another snapshot. Expiry is the caller's to judge.
  [[nodiscard]] const Principal* find(std::string_view key, const Snapshot& snapshot) const;
  void keep(std::string_view key, const Snapshot& snapshot, const Principal* principal);
  void forget();

 private:
  struct Entry;  // one allocation, made with the first key that is accepted
  Entry* entry_ = nullptr;
};

// Null: no credential, an unknown one, or an expired one; the three look the same to the client.
[[nodiscard]] const Principal* authenticate(const RequestHead& head, const Snapshot& snapshot,
                                            int64_t unix_s, AcceptedKey* last);

}  // namespace weir
