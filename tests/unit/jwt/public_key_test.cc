// The two signatures are the examples of RFC 7515 appendices A.2 and A.3.
#include "jwt/public_key.h"

#include <gtest/gtest.h>

#include "base/base64url.h"

namespace weir {
namespace {

constexpr char kPayload[] =
    "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVl"
    "fQ";
constexpr char kX[] = "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU";
constexpr char kY[] = "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0";
constexpr char kEcSignature[] =
    "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q";
constexpr char kModulus[] =
    "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4"
    "d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5re"
    "xMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxX"
    "FvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ";
constexpr char kRsaSignature[] =
    "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5"
    "jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb"
    "1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QO"
    "YEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw";

std::string bytes(std::string_view text) {
  std::string out;
  EXPECT_TRUE(base64url_decode(text, &out));
  return out;
}

// Every single byte of a signature and of what is signed counts.
void expect_verifies_only(const PublicKey& key, const std::string& input, std::string signature) {
  EXPECT_TRUE(key.verify(input, signature));
  EXPECT_FALSE(key.verify(input + " ", signature));
  EXPECT_FALSE(key.verify(input, signature.substr(1)));
  EXPECT_FALSE(key.verify(input, signature + '\0'));
  EXPECT_FALSE(key.verify(input, ""));
  EXPECT_FALSE(key.verify(input, std::string(signature.size(), '\0')));
  for (size_t i = 0; i < signature.size(); i += 7) {
    signature[i] = static_cast<char>(signature[i] ^ 1);
    EXPECT_FALSE(key.verify(input, signature)) << i;
    signature[i] = static_cast<char>(signature[i] ^ 1);
  }
}

TEST(PublicKey, VerifiesTheRfcsEcExample) {
  const auto key = PublicKey::ec(bytes(kX), bytes(kY));
  ASSERT_TRUE(key);
  EXPECT_EQ(key->alg(), JwtAlg::kEs256);
  expect_verifies_only(*key, std::string("eyJhbGciOiJFUzI1NiJ9.") + kPayload, bytes(kEcSignature));
}

TEST(PublicKey, VerifiesTheRfcsRsaExample) {
  const auto key = PublicKey::rsa(bytes(kModulus), bytes("AQAB"));
  ASSERT_TRUE(key);
  EXPECT_EQ(key->alg(), JwtAlg::kRs256);
  expect_verifies_only(*key, std::string("eyJhbGciOiJSUzI1NiJ9.") + kPayload,
                       bytes(kRsaSignature));
}

TEST(PublicKey, RefusesPointsThatAreNotOnTheCurve) {
  std::string y = bytes(kY);
  y.back() = static_cast<char>(y.back() ^ 1);
  EXPECT_FALSE(PublicKey::ec(bytes(kX), y));
  EXPECT_FALSE(PublicKey::ec(std::string(32, '\0'), std::string(32, '\0')));
  EXPECT_FALSE(PublicKey::ec(bytes(kX).substr(1), bytes(kY)));
  EXPECT_FALSE(PublicKey::ec('\0' + bytes(kX), bytes(kY)));
  EXPECT_FALSE(PublicKey::ec("", ""));
}

TEST(PublicKey, RefusesWeakAndHugeRsaKeys) {
  const std::string good = bytes(kModulus), e = bytes("AQAB");
  EXPECT_FALSE(PublicKey::rsa(good.substr(0, 128), e));
  EXPECT_FALSE(PublicKey::rsa(std::string(1025, '\xff'), e));
  EXPECT_FALSE(PublicKey::rsa("", e));
  EXPECT_FALSE(PublicKey::rsa(good, ""));
  EXPECT_FALSE(PublicKey::rsa(good, "\x01"));
  EXPECT_FALSE(PublicKey::rsa(good, "\x02"));
  EXPECT_FALSE(PublicKey::rsa(good, std::string(9, '\x03')));
  std::string even = good;
  even.back() = static_cast<char>(even.back() & ~1);
  EXPECT_FALSE(PublicKey::rsa(even, e));
}

}  // namespace
}  // namespace weir
