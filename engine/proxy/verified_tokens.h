// The tokens (JWT) that this worker has checked, so that a signature is checked once and not for
// every request. Knows the digests of their texts, never the texts.
//
// A fixed number of places, made with the first token; a full row loses the one that ends first.
// Everything is forgotten when other keys are to be trusted. Worker thread.
#pragma once

#include <cstdint>
#include <memory>

#include "route/snapshot.h"

namespace weir {

class VerifiedTokens {
 public:
  static constexpr size_t kRows = 1024;
  static constexpr size_t kPlaces = 4;  // of each row

  struct Entry {
    KeyDigest token{};
    KeyDigest caller{};  // what the principal is found by in a snapshot
    int64_t expires_unix_s = 0;  // 0: free
  };

  // Null: not known, or over. `trust`: the number of the JwtTrust in use.
  [[nodiscard]] const Entry* find(const KeyDigest& token, uint64_t trust, int64_t now_unix_s);
  void keep(const Entry& entry, uint64_t trust);

 private:
  struct Row {
    Entry places[kPlaces];
  };
  [[nodiscard]] Row& row_of(const KeyDigest& token) const;
  void follow(uint64_t trust);

  std::unique_ptr<Row[]> rows_;
  uint64_t trust_ = 0;
};

}  // namespace weir
