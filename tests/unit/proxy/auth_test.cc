#include "proxy/auth.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>

namespace weir {
namespace {

std::unique_ptr<const Snapshot> snapshot_with(std::string_view key, int64_t expires_unix_s = 0,
                                              uint64_t epoch = 1) {
  SnapshotBuilder builder(epoch, 7);
  Principal principal;
  principal.id = "key-1";
  principal.expires_unix_s = expires_unix_s;
  EXPECT_TRUE(builder.add_principal(key_digest(key), principal));
  return builder.build();
}

const Principal* with_authorization(const Snapshot& snapshot, std::string_view value,
                                    int64_t now = 1000) {
  RequestHead head;
  head.authorization = value;
  AcceptedKey none;
  return authenticate(head, snapshot, now, &none);
}

const Principal* with_last(const Snapshot& snapshot, std::string_view value, AcceptedKey* last,
                           int64_t now = 1000) {
  RequestHead head;
  head.authorization = value;
  return authenticate(head, snapshot, now, last);
}

TEST(Auth, DigestIsSha256) {
  // FIPS 180-2, appendix B.1: the digest of "abc".
  const KeyDigest digest = key_digest("abc");
  EXPECT_EQ(digest[0], 0xba);
  EXPECT_EQ(digest[1], 0x78);
  EXPECT_EQ(digest[31], 0xad);
}

TEST(Auth, TakesBearerBasicAndApiKeyFields) {
  const auto snapshot = snapshot_with("weir-secret");
  for (const std::string_view value : {"Bearer weir-secret", "bearer weir-secret",
                                       "BEARER   weir-secret", "Basic weir-secret"}) {
    EXPECT_NE(with_authorization(*snapshot, value), nullptr) << value;
  }
  RequestHead head;
  head.api_key = "weir-secret";
  AcceptedKey none;
  EXPECT_NE(authenticate(head, *snapshot, 1000, &none), nullptr);
}

TEST(Auth, RefusesWhatIsNotTheKey) {
  const auto snapshot = snapshot_with("weir-secret");
  for (const std::string_view value :
       {"", "Bearer", "Bearer ", "Bearer weir-secre", "Bearer weir-secrets", "weir-secret",
        "Digest weir-secret", "Bearer WEIR-SECRET", "Bearerweir-secret"}) {
    EXPECT_EQ(with_authorization(*snapshot, value), nullptr) << value;
  }
}

// A second credential field must not rescue a bad first one.
TEST(Auth, ABadAuthorizationIsNotReplacedByAnApiKey) {
  const auto snapshot = snapshot_with("weir-secret");
  RequestHead head;
  head.authorization = "Digest nonsense";
  head.api_key = "weir-secret";
  AcceptedKey none;
  EXPECT_EQ(authenticate(head, *snapshot, 1000, &none), nullptr);
}

TEST(Auth, AnExpiredKeyIsNoKey) {
  const auto snapshot = snapshot_with("weir-secret", 500);
  EXPECT_NE(with_authorization(*snapshot, "Bearer weir-secret", 499), nullptr);
  EXPECT_EQ(with_authorization(*snapshot, "Bearer weir-secret", 500), nullptr);
}

TEST(AcceptedKey, FindsTheKeyThatWasKeptAndNoOther) {
  const auto snapshot = snapshot_with("weir-secret");
  AcceptedKey last;
  EXPECT_EQ(last.find("weir-secret", *snapshot), nullptr);
  const Principal* principal = with_last(*snapshot, "Bearer weir-secret", &last);
  ASSERT_NE(principal, nullptr);
  EXPECT_EQ(last.find("weir-secret", *snapshot), principal);
  for (const std::string_view other : {"", "weir-secre", "weir-secrets", "weir-secreT"}) {
    EXPECT_EQ(last.find(other, *snapshot), nullptr) << other;
  }
  EXPECT_EQ(with_last(*snapshot, "Bearer weir-secret", &last), principal);
  last.forget();
  EXPECT_EQ(last.find("weir-secret", *snapshot), nullptr);
}

// A refusal is never remembered, and leaves what was remembered alone.
TEST(AcceptedKey, KeepsOnlyWhatWasFound) {
  const auto snapshot = snapshot_with("weir-secret");
  AcceptedKey last;
  EXPECT_EQ(with_last(*snapshot, "Bearer other", &last), nullptr);
  EXPECT_EQ(last.find("other", *snapshot), nullptr);
  EXPECT_NE(with_last(*snapshot, "Bearer weir-secret", &last), nullptr);
  EXPECT_EQ(with_last(*snapshot, "Bearer other", &last), nullptr);
  EXPECT_NE(last.find("weir-secret", *snapshot), nullptr);
}

// A key that was taken out of the configuration must not live on in open connections.
TEST(AcceptedKey, HoldsForOneSnapshotOnly) {
  const auto before = snapshot_with("weir-secret", 0, 1);
  const auto same_key = snapshot_with("weir-secret", 0, 2);
  const auto other_key = snapshot_with("another", 0, 3);
  AcceptedKey last;
  const Principal* old = with_last(*before, "Bearer weir-secret", &last);
  ASSERT_NE(old, nullptr);
  const Principal* renewed = with_last(*same_key, "Bearer weir-secret", &last);
  ASSERT_NE(renewed, nullptr);
  EXPECT_NE(renewed, old);
  EXPECT_EQ(with_last(*other_key, "Bearer weir-secret", &last), nullptr);
}

TEST(AcceptedKey, AKeyThatWasAcceptedExpiresAllTheSame) {
  const auto snapshot = snapshot_with("weir-secret", 500);
  AcceptedKey last;
  EXPECT_NE(with_last(*snapshot, "Bearer weir-secret", &last, 499), nullptr);
  EXPECT_EQ(with_last(*snapshot, "Bearer weir-secret", &last, 500), nullptr);
}

TEST(AcceptedKey, LongKeysAreAcceptedWithoutBeingKept) {
  const std::string key(AcceptedKey::kMaxBytes + 1, 'k');
  const auto snapshot = snapshot_with(key);
  AcceptedKey last;
  EXPECT_NE(with_last(*snapshot, "Bearer " + key, &last), nullptr);
  EXPECT_EQ(last.find(key, *snapshot), nullptr);
}

}  // namespace
}  // namespace weir
