#include "control/signin/attempts.h"

#include <gtest/gtest.h>

namespace weir {
namespace {

TEST(SignInAttempts, AnAddressThatFailedTooOftenWaits) {
  SignInAttempts attempts;
  attempts.configure(3);
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(attempts.wait_ms("192.0.2.1", 1000), 0u);
    attempts.failed("192.0.2.1", 1000);
  }
  EXPECT_EQ(attempts.wait_ms("192.0.2.1", 1000), 20'000u);
  EXPECT_EQ(attempts.wait_ms("192.0.2.1", 20'999), 1u);
  EXPECT_EQ(attempts.wait_ms("192.0.2.1", 21'000), 0u);
  EXPECT_EQ(attempts.wait_ms("192.0.2.2", 1000), 0u);
  // What is tried although it has to wait makes the wait no longer.
  for (int i = 0; i < 100; ++i) attempts.failed("192.0.2.1", 1000);
  EXPECT_EQ(attempts.wait_ms("192.0.2.1", 1000), 20'000u);
}

TEST(SignInAttempts, ZeroIsNoBound) {
  SignInAttempts attempts;
  for (int i = 0; i < 100; ++i) attempts.failed("192.0.2.1", 1000);
  EXPECT_EQ(attempts.wait_ms("192.0.2.1", 1000), 0u);
  EXPECT_EQ(attempts.size(), 0u);
}

TEST(SignInAttempts, ANetworkOfIpv6IsOneAddress) {
  EXPECT_EQ(address_group("2001:db8:1:2:3:4:5:6"), address_group("2001:db8:1:2:ffff::1"));
  EXPECT_NE(address_group("2001:db8:1:2::1"), address_group("2001:db8:1:3::1"));
  EXPECT_EQ(address_group("192.0.2.1"), "192.0.2.1");
}

TEST(SignInAttempts, TheTableIsBounded) {
  SignInAttempts attempts;
  attempts.configure(1);
  const auto address = [](size_t i) {
    return "10." + std::to_string(i >> 16) + "." + std::to_string(i >> 8 & 255) + "." +
           std::to_string(i & 255);
  };
  for (size_t i = 0; i < SignInAttempts::kMaxAddresses + 100; ++i) {
    attempts.failed(address(i), 1000 + i);
  }
  EXPECT_EQ(attempts.size(), SignInAttempts::kMaxAddresses);
  const Millis now = 1000 + SignInAttempts::kMaxAddresses + 100;
  EXPECT_EQ(attempts.wait_ms(address(0), now), 0u);  // forgotten
  EXPECT_NE(attempts.wait_ms(address(SignInAttempts::kMaxAddresses), now), 0u);
  // Those that may try again anyway make room first.
  attempts.failed("192.0.2.1", now + 60'000);
  EXPECT_EQ(attempts.size(), 1u);
}

}  // namespace
}  // namespace weir
