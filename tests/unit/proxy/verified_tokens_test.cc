#include "proxy/verified_tokens.h"

#include <gtest/gtest.h>

#include <cstring>

namespace weir {
namespace {

// All in one row when `same_row`.
VerifiedTokens::Entry make_entry(uint64_t number, int64_t expires, bool same_row = true) {
  VerifiedTokens::Entry entry;
  const uint64_t row = same_row ? 5 : number;
  std::memcpy(entry.token.data(), &row, sizeof row);
  std::memcpy(entry.token.data() + 8, &number, sizeof number);
  entry.caller[0] = static_cast<uint8_t>(number);
  entry.expires_unix_s = expires;
  return entry;
}

TEST(VerifiedTokens, FindsWhatWasKeptUntilItIsOver) {
  VerifiedTokens tokens;
  const auto entry = make_entry(1, 100);
  EXPECT_EQ(tokens.find(entry.token, 1, 0), nullptr);
  tokens.keep(entry, 1);
  ASSERT_NE(tokens.find(entry.token, 1, 99), nullptr);
  EXPECT_EQ(tokens.find(entry.token, 1, 99)->caller, entry.caller);
  EXPECT_EQ(tokens.find(entry.token, 1, 100), nullptr);
  EXPECT_EQ(tokens.find(make_entry(2, 100).token, 1, 0), nullptr);
}

TEST(VerifiedTokens, AFullRowLosesTheOneThatEndsFirst) {
  VerifiedTokens tokens;
  for (uint64_t i = 0; i < VerifiedTokens::kPlaces; ++i) {
    tokens.keep(make_entry(i, 100 - static_cast<int64_t>(i)), 1);
  }
  tokens.keep(make_entry(9, 500), 1);
  EXPECT_NE(tokens.find(make_entry(9, 0).token, 1, 0), nullptr);
  EXPECT_EQ(tokens.find(make_entry(VerifiedTokens::kPlaces - 1, 0).token, 1, 0), nullptr);
  for (uint64_t i = 0; i + 1 < VerifiedTokens::kPlaces; ++i) {
    EXPECT_NE(tokens.find(make_entry(i, 0).token, 1, 0), nullptr) << i;
  }
}

TEST(VerifiedTokens, KeepsATokenOnce) {
  VerifiedTokens tokens;
  for (uint64_t i = 0; i < VerifiedTokens::kPlaces; ++i) tokens.keep(make_entry(i, 100), 1);
  for (int i = 0; i < 20; ++i) tokens.keep(make_entry(0, 200), 1);
  for (uint64_t i = 0; i < VerifiedTokens::kPlaces; ++i) {
    EXPECT_NE(tokens.find(make_entry(i, 0).token, 1, 0), nullptr) << i;
  }
}

TEST(VerifiedTokens, OtherKeysToTrustForgetEverything) {
  VerifiedTokens tokens;
  for (uint64_t i = 0; i < 2000; ++i) tokens.keep(make_entry(i, 100, false), 1);
  EXPECT_NE(tokens.find(make_entry(1999, 0, false).token, 1, 0), nullptr);
  for (uint64_t i = 0; i < 2000; ++i) {
    EXPECT_EQ(tokens.find(make_entry(i, 0, false).token, 2, 0), nullptr) << i;
  }
  EXPECT_EQ(tokens.find(make_entry(7, 0, false).token, 1, 0), nullptr);
}

}  // namespace
}  // namespace weir
