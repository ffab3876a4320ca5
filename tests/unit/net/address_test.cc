#include "net/address.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/un.h>

#include <cstring>
#include <string>

namespace weir {
namespace {

TEST(Address, LinkLocalAndMetadataAreAlwaysForbidden) {
  for (const char* host :
       {"169.254.169.254", "169.254.0.1", "168.63.129.16", "100.100.100.200", "0.0.0.0", "0.1.2.3",
        "255.255.255.255", "224.0.0.1", "240.0.0.1", "fe80::1", "FE80::1%eth0", "[fe80::1]",
        "fd00:ec2::254", "[fd00:0ec2:0::0254]", "::", "[::]", "ff02::1", "::ffff:169.254.169.254",
        "::ffff:a9fe:a9fe", "::169.254.169.254", "64:ff9b::169.254.169.254", "2002:a9fe:a9fe::",
        "::ffff:0:a9fe:a9fe", "metadata", "metadata.google.internal", "METADATA.Google.Internal.",
        "metadata.", ""}) {
    EXPECT_EQ(host_classify(host), AddressClass::kForbidden) << host;
  }
}

TEST(Address, SpellingsThatParsersAcceptAreSeenThrough) {
  for (const char* host : {"0", "00", "0x0", "0.0", "0x0.0x0.0.0", "0000.0", "0.0.0.0.",
                           "2852039166", "0xa9fea9fe", "0251.0376.0251.0376", "169.254.43518",
                           "169.16689662", "0xA9.254.0xa9.0376", "025177524776"}) {
    EXPECT_EQ(host_classify(host), AddressClass::kForbidden) << host;
  }
  for (const char* host : {"127.1", "0x7f.1", "2130706433", "017700000001", "127.0.0.1."}) {
    EXPECT_EQ(host_classify(host), AddressClass::kPrivate) << host;
  }
}

TEST(Address, PrivateRangesEndWhereTheyEnd) {
  for (const char* host : {"10.0.0.1", "10.255.255.255", "172.16.0.1", "172.31.255.255",
                           "192.168.1.1", "127.0.0.1", "127.255.0.1", "100.64.0.1", "::1",
                           "fc00::1",
                           "fdff::1", "::ffff:10.0.0.1", "[::1]", "198.18.0.1", "fec0::1"}) {
    EXPECT_EQ(host_classify(host), AddressClass::kPrivate) << host;
  }
  for (const char* host : {"9.255.255.255", "11.0.0.0", "172.15.255.255", "172.32.0.0",
                           "192.167.1.1",
                           "192.169.0.0", "128.0.0.1", "100.63.255.255", "100.128.0.0", "8.8.8.8",
                           "169.253.1.1", "168.63.129.17", "2606:4700::1", "fd00:ec2::253.example",
                           "223.255.255.255", "64:ff9b::8.8.8.8"}) {
    EXPECT_EQ(host_classify(host), AddressClass::kPublic) << host;
  }
}

TEST(Address, NamesAreNotAddresses) {
  sockaddr_storage out;
  for (const char* host : {"localhost", "example.com", "metadatas.example", "1.2.3.4.5",
                           "256.1.1.1",
                           "1.2.3.256", "08.1.1.1x", "1..2", "99999999999", "a.b", "::g"}) {
    EXPECT_FALSE(host_to_address(host, &out)) << host;
    EXPECT_EQ(host_classify(host), AddressClass::kPublic) << host;
  }
}

TEST(Address, ParsesWhatItJudges) {
  sockaddr_storage out;
  ASSERT_TRUE(host_to_address("10.0.0.7", &out));
  EXPECT_EQ(out.ss_family, AF_INET);
  char text[INET6_ADDRSTRLEN];
  inet_ntop(AF_INET, &reinterpret_cast<sockaddr_in*>(&out)->sin_addr, text, sizeof(text));
  EXPECT_STREQ(text, "10.0.0.7");
  ASSERT_TRUE(host_to_address("[2001:db8::7]", &out));
  EXPECT_EQ(out.ss_family, AF_INET6);
  inet_ntop(AF_INET6, &reinterpret_cast<sockaddr_in6*>(&out)->sin6_addr, text, sizeof(text));
  EXPECT_STREQ(text, "2001:db8::7");
  EXPECT_EQ(host_classify("10.0.0.8", &out), AddressClass::kPrivate);
  EXPECT_EQ(ntohl(reinterpret_cast<sockaddr_in*>(&out)->sin_addr.s_addr), 0x0a000008u);
  EXPECT_EQ(host_classify("ten.example", &out), AddressClass::kPublic);
  EXPECT_EQ(out.ss_family, AF_UNSPEC);
}

TEST(Address, IsWrittenAsInetNtopWritesIt) {
  const auto text_of = [](const char* host) {
    sockaddr_storage address;
    EXPECT_TRUE(host_to_address(host, &address)) << host;
    char text[kAddressText];
    std::memset(text, 'x', sizeof(text));
    address_text(reinterpret_cast<sockaddr*>(&address), text);
    return std::string(text);
  };
  for (const char* host : {"0.0.0.0", "1.2.3.4", "10.20.99.100", "127.0.0.1", "255.255.255.255",
                           "::1", "2001:db8::7", "fe80::1:2:3:4"}) {
    EXPECT_EQ(text_of(host), host);
  }
  EXPECT_EQ(text_of("::ffff:192.0.2.9"), "192.0.2.9");
  for (uint32_t part = 0; part < 256; ++part) {
    const std::string host = "7." + std::to_string(part) + ".0." + std::to_string(255 - part);
    EXPECT_EQ(text_of(host.c_str()), host);
  }
  sockaddr_un local;
  std::memset(&local, 0, sizeof(local));
  local.sun_family = AF_UNIX;
  char text[kAddressText] = "x";
  address_text(reinterpret_cast<sockaddr*>(&local), text);
  EXPECT_STREQ(text, "");
}

TEST(Address, OtherFamiliesAreForbidden) {
  sockaddr_un local;
  std::memset(&local, 0, sizeof(local));
  local.sun_family = AF_UNIX;
  EXPECT_EQ(address_classify(reinterpret_cast<sockaddr*>(&local)), AddressClass::kForbidden);
}

// Every IPv4 address inside an IPv6 form is judged as the IPv4 address is.
TEST(Address, EmbeddedAddressesAgree) {
  for (const char* inner : {"8.8.8.8", "10.1.2.3", "169.254.169.254", "127.0.0.1",
                            "100.100.100.200"}) {
    const AddressClass expected = host_classify(inner);
    for (const char* prefix : {"::ffff:", "64:ff9b::"}) {
      EXPECT_EQ(host_classify(std::string(prefix) + inner), expected) << prefix << inner;
    }
  }
}

}  // namespace
}  // namespace weir
