// Goal: the digests are those of FIPS 180-4 for every length around the block bounds.
// Method: published examples, and for each length the digest of a text whose digest is chained.
#include "base/sha.h"

#include <gtest/gtest.h>

#include <cstddef>
#include <string>

namespace weir {
namespace {

template <size_t N>
std::string hex(const std::array<uint8_t, N>& digest) {
  std::string out;
  for (const uint8_t byte : digest) {
    out += "0123456789abcdef"[byte >> 4];
    out += "0123456789abcdef"[byte & 15];
  }
  return out;
}

TEST(Sha, PublishedExamples) {
  EXPECT_EQ(hex(sha1("")), "da39a3ee5e6b4b0d3255bfef95601890afd80709");
  EXPECT_EQ(hex(sha1("abc")), "a9993e364706816aba3e25717850c26c9cd0d89d");
  EXPECT_EQ(hex(sha256("")), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(hex(sha256("abc")),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  const std::string two = "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq";
  EXPECT_EQ(hex(sha1(two)), "84983e441c3bd26ebaae4aa1f95129e5e54670f1");
  EXPECT_EQ(hex(sha256(two)),
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
}

TEST(Sha, EveryLengthUpToThreeBlocks) {
  std::string text, chain1, chain256;
  for (size_t length = 0; length <= 192; ++length) {
    chain1 += hex(sha1(text));
    chain256 += hex(sha256(text));
    text += static_cast<char>('a' + length % 26);
  }
  EXPECT_EQ(hex(sha1(chain1)), "1d9a37ec6fc3bfdf070c9503ecb6cce0658a9569");
  EXPECT_EQ(hex(sha256(chain256)),
            "6cdbca8ef9be2b12faea1a2e819cb83bbd302bba39606370cf72b268477e021a");
}

}  // namespace
}  // namespace weir
