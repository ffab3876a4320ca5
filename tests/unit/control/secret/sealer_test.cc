// Goal: a sealed value opens under its own key and owner and under nothing else, whichever byte of
// it was changed; a database is not opened with a key that it was not sealed with.
#include "control/secret/sealer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>
#include <set>

#include "control/data_dir.h"
#include "control/secret/sealing_key.h"

namespace weir {
namespace {

using testing::HasSubstr;

constexpr char kHexKey[] = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";
constexpr char kSameKey[] = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
constexpr char kOtherKey[] = "FF0102030405060708090A0B0C0D0E0F101112131415161718191a1b1c1d1e1f";

Sealer sealer_of(std::string_view key) {
  auto sealer = Sealer::from_text(key);
  EXPECT_TRUE(sealer) << key;
  return std::move(*sealer);
}

TEST(Sealer, OpensWhatItSealed) {
  const Sealer sealer = sealer_of(kHexKey);
  const std::string all_bytes = [] {
    std::string text;
    for (int i = 0; i < 256; ++i) text += static_cast<char>(i);
    return text;
  }();
  for (const std::string& plain : {std::string(), std::string("x"), std::string("sk-secret"),
                                   all_bytes, std::string(100'000, 'a')}) {
    const std::string sealed = sealer.seal(plain, "provider/1/apikey");
    EXPECT_TRUE(sealed.starts_with("weir1." + sealer.key_id() + "."));
    EXPECT_EQ(sealed.find("sk-secret"), std::string::npos);
    const auto opened = sealer.open(sealed, "provider/1/apikey");
    ASSERT_TRUE(opened) << opened.error();
    EXPECT_EQ(opened->reveal(), plain);
  }
}

TEST(Sealer, SealsTheSameValueNeverTheSameWay) {
  const Sealer sealer = Sealer::random();
  std::set<std::string> seen;
  for (int i = 0; i < 1000; ++i) EXPECT_TRUE(seen.insert(sealer.seal("value", "owner")).second);
}

TEST(Sealer, RefusesEveryChangedByte) {
  const Sealer sealer = sealer_of(kHexKey);
  const std::string sealed = sealer.seal("a value of some length", "owner");
  for (size_t i = 0; i < sealed.size(); ++i) {
    for (int byte = 0; byte < 256; ++byte) {
      std::string changed = sealed;
      changed[i] = static_cast<char>(byte);
      if (changed == sealed) continue;
      const auto opened = sealer.open(changed, "owner");
      ASSERT_FALSE(opened) << "byte " << i << " as " << byte;
      EXPECT_EQ(opened.error().find("a value"), std::string::npos);
    }
  }
  for (size_t length = 0; length < sealed.size(); ++length) {
    EXPECT_FALSE(sealer.open(sealed.substr(0, length), "owner")) << length;
  }
  for (const char* more : {"=", "A", "AAAA", " ", "\n", "===="}) {
    EXPECT_FALSE(sealer.open(sealed + more, "owner")) << more;
  }
}

TEST(Sealer, BindsAValueToItsOwner) {
  const Sealer sealer = Sealer::random();
  const std::string sealed = sealer.seal("value", "provider/1");
  for (const char* owner : {"provider/2", "provider/", "", "provider/11"}) {
    const auto opened = sealer.open(sealed, owner);
    ASSERT_FALSE(opened) << owner;
    EXPECT_THAT(opened.error(), HasSubstr("belongs somewhere else"));
  }
}

TEST(Sealer, KnowsItsKeyByIdOnly) {
  const Sealer sealer = sealer_of(kHexKey);
  EXPECT_EQ(sealer.key_id(), sealer_of(kSameKey).key_id());
  const auto opened = sealer_of(kOtherKey).open(sealer.seal("value", "owner"), "owner");
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error(), "sealed with another key");
}

TEST(Sealer, OpensWithThePreviousKeyAndSealsWithTheNewOne) {
  const Sealer old = sealer_of(kHexKey);
  Sealer now = sealer_of(kOtherKey);
  const std::string before = old.seal("value", "owner");
  EXPECT_FALSE(now.open(before, "owner"));
  now.accept_previous(old);
  EXPECT_TRUE(now.open(before, "owner"));
  EXPECT_FALSE(now.is_current(before));
  const std::string after = now.seal("value", "owner");
  EXPECT_TRUE(now.is_current(after));
  EXPECT_FALSE(old.open(after, "owner"));
}

TEST(Sealer, RefusesKeysOfAnotherForm) {
  const std::string hex(kHexKey);
  const std::string base64(kSameKey);
  for (const std::string& text :
       {std::string(), std::string("password"), hex.substr(1), hex + "0", "g" + hex.substr(1),
        base64.substr(1), base64 + "\n", " " + base64.substr(1), std::string(44, 'A')}) {
    const auto made = Sealer::from_text(text);
    ASSERT_FALSE(made) << text;
    EXPECT_THAT(made.error(), HasSubstr("openssl rand -hex 32"));
  }
}

class SealingKeyTest : public testing::Test {
 protected:
  void SetUp() override {
    static int count = 0;
    folder_ = testing::TempDir() + "/weir-sealing-" + std::to_string(getpid()) + "-" +
              std::to_string(++count);
    mkdir(folder_.c_str(), 0700);
  }
  std::expected<OpenedSealer, std::string> open(const std::string& key = "",
                                                const std::string& previous = "") {
    return sealer_open({Secret(key), Secret(previous)}, folder_, folder_ + "/weir.db");
  }
  std::string folder_;
};

TEST_F(SealingKeyTest, MakesAFileThatOthersCannotRead) {
  const auto first = open();
  ASSERT_TRUE(first) << first.error();
  EXPECT_EQ(first->made, folder_ + "/sealing.key");
  struct stat info {};
  ASSERT_EQ(stat(first->made.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600u);
  const auto again = open();
  ASSERT_TRUE(again) << again.error();
  EXPECT_EQ(again->made, "");
  EXPECT_EQ(again->sealer->key_id(), first->sealer->key_id());
}

TEST_F(SealingKeyTest, RefusesADatabaseOfAnotherKey) {
  ASSERT_TRUE(open(kHexKey));
  const auto other = open(kOtherKey);
  ASSERT_FALSE(other);
  EXPECT_THAT(other.error(), HasSubstr("sealed with another key than the one in sealing_key"));
  EXPECT_EQ(other.error().find("0102030405"), std::string::npos);
  EXPECT_TRUE(open(kHexKey)) << "a refused start must change nothing";
}

TEST_F(SealingKeyTest, MakesNoNewKeyForASealedDatabase) {
  const auto first = open();
  ASSERT_TRUE(first);
  ASSERT_EQ(unlink(first->made.c_str()), 0);
  const auto lost = open();
  ASSERT_FALSE(lost);
  EXPECT_THAT(lost.error(), HasSubstr("its key is not here"));
  EXPECT_NE(access(first->made.c_str(), F_OK), 0);
}

TEST_F(SealingKeyTest, ChangesTheKeyByNamingThePreviousOne) {
  ASSERT_TRUE(open(kHexKey));
  const auto both = open(kOtherKey, kHexKey);
  ASSERT_TRUE(both) << both.error();
  EXPECT_TRUE(open(kOtherKey));
  EXPECT_FALSE(open(kHexKey));
}

TEST_F(SealingKeyTest, NamesAKeyThatIsNone) {
  EXPECT_THAT(open("short").error(), testing::StartsWith("sealing_key: needs to be"));
  EXPECT_THAT(open(kHexKey, "short").error(), testing::StartsWith("previous_sealing_key: needs"));
  std::ofstream(folder_ + "/sealing.key") << "nonsense\n";
  EXPECT_THAT(open().error(), HasSubstr("sealing.key\": needs to be 64 hexadecimal digits"));
}

}  // namespace
}  // namespace weir
