#include "net/tls_context.h"

#include <gtest/gtest.h>

#include <fstream>

#include "net/uv_net.h"
#include "test_certificates.h"

namespace weir {
namespace {

TEST(TlsContext, BadFilesAreNamed) {
  TestAuthority authority;
  const auto good = authority.issue();
  const auto other = authority.issue();
  std::string detail;
  EXPECT_TRUE(tls_server_context(good.certificate, good.key, &detail).has_value()) << detail;
  EXPECT_FALSE(tls_server_context("/no/such.crt", good.key, &detail).has_value());
  EXPECT_EQ(detail, "/no/such.crt: No such file or directory");
  // A file that holds something else: the key is no certificate.
  EXPECT_FALSE(tls_server_context(good.key, good.key, &detail).has_value());
  EXPECT_EQ(detail, good.key + ": no start line");
  EXPECT_FALSE(tls_server_context(good.certificate, "/no/such.key", &detail).has_value());
  EXPECT_NE(detail.find("/no/such.key"), std::string::npos) << detail;
  EXPECT_FALSE(tls_server_context(good.certificate, other.key, &detail).has_value());
  EXPECT_NE(detail.find(other.key), std::string::npos) << detail;
  std::ofstream(other.certificate) << "-----BEGIN CERTIFICATE-----\nAAAA\n";
  EXPECT_FALSE(tls_server_context(other.certificate, other.key, &detail).has_value());
  EXPECT_NE(detail.find(other.certificate), std::string::npos) << detail;
}

TEST(TlsContext, AuthoritiesAreCheckedWhenLoaded) {
  TestAuthority one;
  TestAuthority two;
  std::string detail;
  EXPECT_TRUE(tls_check_ca(one.pem(), &detail).has_value()) << detail;
  EXPECT_TRUE(tls_check_ca("note\n" + one.pem() + "\n" + two.pem(), &detail).has_value()) << detail;
  for (const std::string& bad :
       {std::string(), std::string("text"), one.pem().substr(0, 200),
        one.pem() + "-----BEGIN CERTIFICATE-----\n!!!!\n-----END CERTIFICATE-----\n"}) {
    detail.clear();
    EXPECT_FALSE(tls_check_ca(bad, &detail).has_value()) << bad;
    EXPECT_FALSE(detail.empty());
  }
}

}  // namespace
}  // namespace weir
