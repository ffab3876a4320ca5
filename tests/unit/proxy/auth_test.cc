#include "proxy/auth.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "jwt/verify.h"
#include "jwt_maker.h"

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
  return authenticate(head, {snapshot}, now, &none).principal;
}

const Principal* with_last(const Snapshot& snapshot, std::string_view value, AcceptedKey* last,
                           int64_t now = 1000) {
  RequestHead head;
  head.authorization = value;
  return authenticate(head, {snapshot}, now, last).principal;
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
  EXPECT_NE(authenticate(head, {*snapshot}, 1000, &none).principal, nullptr);
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
  EXPECT_EQ(authenticate(head, {*snapshot}, 1000, &none).principal, nullptr);
}

TEST(Auth, AnExpiredKeyIsNoKey) {
  const auto snapshot = snapshot_with("weir-secret", 500);
  EXPECT_NE(with_authorization(*snapshot, "Bearer weir-secret", 499), nullptr);
  EXPECT_EQ(with_authorization(*snapshot, "Bearer weir-secret", 500), nullptr);
}

TEST(AcceptedKey, FindsTheKeyThatWasKeptAndNoOther) {
  const auto snapshot = snapshot_with("weir-secret");
  AcceptedKey last;
  EXPECT_EQ(last.find("weir-secret", *snapshot, 1000), nullptr);
  const Principal* principal = with_last(*snapshot, "Bearer weir-secret", &last);
  ASSERT_NE(principal, nullptr);
  EXPECT_EQ(last.find("weir-secret", *snapshot, 1000), principal);
  for (const std::string_view other : {"", "weir-secre", "weir-secrets", "weir-secreT"}) {
    EXPECT_EQ(last.find(other, *snapshot, 1000), nullptr) << other;
  }
  EXPECT_EQ(with_last(*snapshot, "Bearer weir-secret", &last), principal);
  last.forget();
  EXPECT_EQ(last.find("weir-secret", *snapshot, 1000), nullptr);
}

// Texts are compared by words: each byte counts, whatever the size leaves for the last word.
TEST(AcceptedKey, EveryByteOfAKeyCounts) {
  for (size_t size = 1; size <= 40; ++size) {
    const std::string key(size, 'k');
    const auto snapshot = snapshot_with(key);
    AcceptedKey last;
    ASSERT_NE(with_last(*snapshot, "Bearer " + key, &last), nullptr) << size;
    EXPECT_NE(last.find(key, *snapshot, 1000), nullptr) << size;
    for (size_t at = 0; at < size; ++at) {
      std::string other = key;
      other[at] = 'K';
      EXPECT_EQ(last.find(other, *snapshot, 1000), nullptr) << size << " at " << at;
    }
  }
}

// A refusal is never remembered, and leaves what was remembered alone.
TEST(AcceptedKey, KeepsOnlyWhatWasFound) {
  const auto snapshot = snapshot_with("weir-secret");
  AcceptedKey last;
  EXPECT_EQ(with_last(*snapshot, "Bearer other", &last), nullptr);
  EXPECT_EQ(last.find("other", *snapshot, 1000), nullptr);
  EXPECT_NE(with_last(*snapshot, "Bearer weir-secret", &last), nullptr);
  EXPECT_EQ(with_last(*snapshot, "Bearer other", &last), nullptr);
  EXPECT_NE(last.find("weir-secret", *snapshot, 1000), nullptr);
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
  EXPECT_EQ(last.find(key, *snapshot, 1000), nullptr);
}

// Tokens: one issuer besides Weir itself, and a key of Weir's for which tokens are signed.
class TokenAuth : public testing::Test {
 protected:
  static constexpr int64_t kNow = 1'700'000'000;

  TokenAuth() { publish(); }
  ~TokenAuth() override { delete last_call_; }

  void publish(std::string_view key = "weir-secret", bool with_user = false) {
    SnapshotBuilder builder(++epoch_, 7);
    Principal principal;
    principal.id = "key-1";
    EXPECT_TRUE(builder.add_principal(key_digest(key), principal));
    if (with_user) {
      Principal user;
      user.id = "user-1";
      EXPECT_TRUE(builder.add_principal(user_digest_, user));
    }
    snapshot_ = builder.build();
    JwtIssuer own, other;
    own.issuer = kOwnIssuer;
    own.audience = kOwnAudience;
    own.own = true;
    own.keys = *jwk_set_read(own_.jwks());
    other.issuer = "https://id.test";
    other.audience = "weir-api";
    other.keys = *jwk_set_read(other_.jwks());
    trust_.number = trust_number_;
    trust_.issuers = {own, other};
  }
  static std::string claims(std::string_view subject, std::string_view more,
                            std::string_view issuer = kOwnIssuer) {
    const std::string audience(issuer == kOwnIssuer ? kOwnAudience : "weir-api");
    return R"({"iss":")" + std::string(issuer) + R"(","aud":")" + audience + R"(","sub":")" +
           std::string(subject) + R"(","exp":)" + std::to_string(kNow + 600) +
           std::string(more) + "}";
  }
  [[nodiscard]] std::string own_token(std::string_view key = "weir-secret") const {
    return own_.token(claims("key-1", R"(,"key":")" + jwt_key_mark(key_digest(key)) + "\""));
  }
  Caller ask(const std::string& token, int64_t now = kNow) {
    RequestHead head;
    const std::string value = "Bearer " + token;
    head.authorization = value;
    delete last_call_;
    const Caller caller =
        authenticate(head, {*snapshot_, &trust_, &tokens_, &metrics_}, now, &last_);
    last_call_ = caller.ask;
    return caller;
  }

  const JwtMaker own_{JwtMaker::Kind::kEc, "own"}, other_{JwtMaker::Kind::kEc, "other"};
  std::unique_ptr<const Snapshot> snapshot_;
  JwtTrust trust_;
  uint64_t trust_number_ = 1;
  VerifiedTokens tokens_;
  MetricsBlock metrics_;
  AcceptedKey last_;
  SignInCall* last_call_ = nullptr;
  KeyDigest user_digest_{};
  uint64_t epoch_ = 0;
};

TEST_F(TokenAuth, ChecksASignatureOnceHoweverOftenTheTokenComes) {
  const std::string token = own_token();
  for (int i = 0; i < 3; ++i) {
    EXPECT_NE(ask(token).principal, nullptr);
    publish();  // the connection forgets with every snapshot, the worker does not
    EXPECT_NE(ask(token).principal, nullptr);
    last_.forget();
  }
  EXPECT_EQ(metrics_.jwt_checks, 1u);
  // Other keys to trust: everything is looked at again.
  ++trust_number_;
  publish();
  EXPECT_NE(ask(token).principal, nullptr);
  EXPECT_EQ(metrics_.jwt_checks, 2u);
}

TEST_F(TokenAuth, ATokenThatWasAcceptedExpiresAllTheSame) {
  const std::string token = own_token();
  EXPECT_NE(ask(token).principal, nullptr);
  const Caller late = ask(token, kNow + 600 + kJwtLeewayS);
  EXPECT_EQ(late.principal, nullptr);
  EXPECT_EQ(late.refusal, describe(JwtFault::kExpired));
}

// Whoever takes a key away, or gives it another value, ends its tokens too.
TEST_F(TokenAuth, ATokenEndsWithItsKey) {
  const std::string token = own_token();
  EXPECT_NE(ask(token).principal, nullptr);
  publish("another-value");
  EXPECT_EQ(ask(token).principal, nullptr);
  EXPECT_NE(ask(token).refusal, "");
  EXPECT_NE(ask(own_token("another-value")).principal, nullptr);
}

TEST_F(TokenAuth, OnlyWeirsOwnKeySpeaksForItsKeys) {
  const std::string mark = R"(,"key":")" + jwt_key_mark(key_digest("weir-secret")) + "\"";
  EXPECT_EQ(ask(other_.token(claims("key-1", mark))).principal, nullptr);
  EXPECT_EQ(ask(own_.token(claims("key-1", ""))).principal, nullptr);
  EXPECT_EQ(ask(own_.token(claims("key-2", mark))).principal, nullptr);
  // The other issuer's subject of the same name is somebody else.
  const Caller caller = ask(other_.token(claims("key-1", mark, "https://id.test")));
  EXPECT_EQ(caller.principal, nullptr);
  ASSERT_NE(caller.ask, nullptr);
}

TEST_F(TokenAuth, ASubjectWithoutPrincipalIsAskedForAndThenFound) {
  const std::string token = other_.token(claims("user-1", "", "https://id.test"));
  const Caller first = ask(token);
  ASSERT_NE(first.ask, nullptr);
  EXPECT_EQ(first.ask->want, SignInCall::Want::kPrincipal);
  EXPECT_EQ(first.ask->issuer, "https://id.test");
  EXPECT_EQ(first.ask->subject, "user-1");
  EXPECT_EQ(first.ask->token, token);
  user_digest_ = first.ask->digest;
  publish("weir-secret", true);
  const Caller second = ask(token);
  ASSERT_NE(second.principal, nullptr);
  EXPECT_EQ(second.principal->id, "user-1");
  // Taken away again, it has to be asked for again.
  publish();
  EXPECT_NE(ask(token).ask, nullptr);
}

TEST_F(TokenAuth, AnUnknownKeyOfAnotherIssuerIsAskedFor) {
  const JwtMaker newer(JwtMaker::Kind::kEc, "newer");
  const Caller caller = ask(newer.token(claims("user-1", "", "https://id.test")));
  ASSERT_NE(caller.ask, nullptr);
  EXPECT_EQ(caller.ask->want, SignInCall::Want::kKeys);
  // Of Weir itself there is nobody to ask.
  EXPECT_EQ(ask(newer.token(claims("key-1", ""))).ask, nullptr);
}

TEST_F(TokenAuth, AKeyMayLookLikeAToken) {
  publish("a.b.c");
  EXPECT_NE(ask("a.b.c").principal, nullptr);
  EXPECT_EQ(ask("a.b.d").principal, nullptr);
  EXPECT_EQ(metrics_.jwt_refused, 1u);
}

}  // namespace
}  // namespace weir
