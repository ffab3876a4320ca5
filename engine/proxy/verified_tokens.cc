#include "proxy/verified_tokens.h"

#include <algorithm>
#include <cstring>

namespace weir {

const VerifiedTokens::Entry* VerifiedTokens::find(const KeyDigest& token, uint64_t trust,
                                                  int64_t now_unix_s) {
  if (rows_ == nullptr) return nullptr;
  follow(trust);
  for (const Entry& entry : row_of(token).places) {
    if (entry.token == token && entry.expires_unix_s > now_unix_s) return &entry;
  }
  return nullptr;
}

void VerifiedTokens::keep(const Entry& entry, uint64_t trust) {
  if (rows_ == nullptr) rows_ = std::make_unique<Row[]>(kRows);
  follow(trust);
  Row& row = row_of(entry.token);
  Entry* place = row.places;
  for (Entry& one : row.places) {
    if (one.token == entry.token) {
      one = entry;
      return;
    }
    if (one.expires_unix_s < place->expires_unix_s) place = &one;
  }
  *place = entry;
}

// A digest is as good as random; who wants two tokens to meet here has to have both signed.
VerifiedTokens::Row& VerifiedTokens::row_of(const KeyDigest& token) const {
  uint64_t bits = 0;
  std::memcpy(&bits, token.data(), sizeof bits);
  return rows_[bits % kRows];
}

void VerifiedTokens::follow(uint64_t trust) {
  if (trust == trust_) return;
  trust_ = trust;
  std::fill_n(rows_.get(), kRows, Row{});
}

}  // namespace weir
