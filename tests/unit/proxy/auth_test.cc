#include "proxy/auth.h"

#include <gtest/gtest.h>

#include <memory>

namespace weir {
namespace {

std::unique_ptr<const Snapshot> snapshot_with(std::string_view key, int64_t expires_unix_s = 0) {
  SnapshotBuilder builder(1, 7);
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
  return authenticate(head, snapshot, now);
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
  EXPECT_NE(authenticate(head, *snapshot, 1000), nullptr);
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
  EXPECT_EQ(authenticate(head, *snapshot, 1000), nullptr);
}

TEST(Auth, AnExpiredKeyIsNoKey) {
  const auto snapshot = snapshot_with("weir-secret", 500);
  EXPECT_NE(with_authorization(*snapshot, "Bearer weir-secret", 499), nullptr);
  EXPECT_EQ(with_authorization(*snapshot, "Bearer weir-secret", 500), nullptr);
}

}  // namespace
}  // namespace weir
