#include "control/signin/signing_keys.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>

#include "jwt/jwt.h"

namespace weir {
namespace {

constexpr int64_t kNow = 1'700'000'000;
constexpr SigningLife kLife{.token_s = 3600, .rotation_s = 86'400};

class SigningKeysTest : public testing::Test {
 protected:
  ~SigningKeysTest() override { std::filesystem::remove_all(folder_); }

  std::unique_ptr<SigningKeys> open(int64_t now = kNow) {
    auto opened = SigningKeys::open(file_, sealer_, now);
    EXPECT_TRUE(opened) << opened.error();
    return opened ? std::move(*opened) : nullptr;
  }
  static bool rotate(SigningKeys* keys, int64_t now) {
    const auto done = keys->rotate(kLife, now);
    EXPECT_TRUE(done) << done.error();
    return done.value_or(false);
  }
  static bool verifies(const SigningKeys& keys, const std::string& token) {
    const auto parsed = jwt_parse(token);
    for (const JwtKey& key : keys.verify_keys()) {
      if (key.kid == parsed->kid) return key.key->verify(parsed->signed_part, parsed->signature);
    }
    return false;
  }

  const std::string folder_ = testing::TempDir() + "/weir-signing-" + std::to_string(getpid());
  const bool made_ = std::filesystem::create_directories(folder_);
  const std::string file_ = folder_ + "/weir.db";
  std::shared_ptr<const Sealer> sealer_ = std::make_shared<const Sealer>(Sealer::random());
};

TEST_F(SigningKeysTest, TheFirstKeyIsMadeOnceAndComesBack) {
  auto keys = open();
  const std::string kid = keys->signing().kid();
  const std::string token = keys->signing().token("{}");
  EXPECT_TRUE(verifies(*keys, token));
  keys.reset();
  keys = open(kNow + 100);
  EXPECT_EQ(keys->signing().kid(), kid);
  EXPECT_TRUE(verifies(*keys, token));
}

// Nothing that is written says what the key is.
TEST_F(SigningKeysTest, AnotherSealerCannotReadThem) {
  open();
  sealer_ = std::make_shared<const Sealer>(Sealer::random());
  EXPECT_FALSE(SigningKeys::open(file_, sealer_, kNow));
}

TEST_F(SigningKeysTest, AreSealedAnewWhenTheSealingKeyChanges) {
  auto keys = open();
  const std::string kid = keys->signing().kid();
  keys.reset();
  const std::string text = Sealer::random_key_text();
  auto both = std::make_shared<Sealer>(*Sealer::from_text(text));
  both->accept_previous(*sealer_);
  sealer_ = both;
  open();
  // From now on the new key alone is enough.
  sealer_ = std::make_shared<const Sealer>(*Sealer::from_text(text));
  EXPECT_EQ(open()->signing().kid(), kid);
}

TEST_F(SigningKeysTest, ANewKeySignsOnlyWhenItWasPublished) {
  auto keys = open();
  const std::string first = keys->signing().kid();
  EXPECT_FALSE(rotate(keys.get(), kNow + kLife.rotation_s - 1));
  EXPECT_TRUE(rotate(keys.get(), kNow + kLife.rotation_s));
  EXPECT_TRUE(keys->waiting());
  EXPECT_EQ(keys->verify_keys().size(), 2u);
  EXPECT_EQ(keys->signing().kid(), first);
  // However long nobody publishes it, there is no third one.
  EXPECT_FALSE(rotate(keys.get(), kNow + 5 * kLife.rotation_s));
  keys->take_over();
  EXPECT_FALSE(keys->waiting());
  EXPECT_NE(keys->signing().kid(), first);
}

TEST_F(SigningKeysTest, AnOldKeyStaysUntilItsTokensAreOver) {
  auto keys = open();
  const std::string token = keys->signing().token("{}");
  int64_t now = kNow + kLife.rotation_s;
  EXPECT_TRUE(rotate(keys.get(), now));
  keys->take_over();
  keys.reset();
  keys = open(now);  // a restart in between changes nothing
  EXPECT_FALSE(rotate(keys.get(), now + kLife.token_s));
  EXPECT_TRUE(verifies(*keys, token));
  EXPECT_TRUE(rotate(keys.get(), now + kLife.token_s + 3600));
  EXPECT_FALSE(verifies(*keys, token));
  EXPECT_EQ(keys->verify_keys().size(), 1u);
  EXPECT_TRUE(verifies(*keys, keys->signing().token("{}")));
}

}  // namespace
}  // namespace weir
