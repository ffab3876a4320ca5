#include "net/address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstring>

#include "base/decimal.h"

namespace weir {
namespace {

struct V4Range {
  uint32_t base;
  uint32_t bits;
  AddressClass kind;
};

constexpr uint32_t v4(uint32_t a, uint32_t b, uint32_t c, uint32_t d) {
  return a << 24 | b << 16 | c << 8 | d;
}

// The first match counts.
constexpr V4Range kV4Ranges[] = {
    {v4(0, 0, 0, 0), 8, AddressClass::kForbidden},           // "this host", 0.0.0.0
    {v4(169, 254, 0, 0), 16, AddressClass::kForbidden},      // link-local, most clouds' metadata
    {v4(168, 63, 129, 16), 32, AddressClass::kForbidden},    // Azure's wire server
    {v4(100, 100, 100, 200), 32, AddressClass::kForbidden},  // Alibaba's metadata
    {v4(224, 0, 0, 0), 3, AddressClass::kForbidden},         // multicast, reserved, broadcast
    {v4(10, 0, 0, 0), 8, AddressClass::kPrivate},
    {v4(100, 64, 0, 0), 10, AddressClass::kPrivate},   // carrier NAT
    {v4(127, 0, 0, 0), 8, AddressClass::kPrivate},
    {v4(172, 16, 0, 0), 12, AddressClass::kPrivate},
    {v4(192, 0, 0, 0), 24, AddressClass::kPrivate},    // protocol assignments
    {v4(192, 168, 0, 0), 16, AddressClass::kPrivate},
    {v4(198, 18, 0, 0), 15, AddressClass::kPrivate},   // benchmarking
};

AddressClass v4_classify(uint32_t address) {
  for (const V4Range& range : kV4Ranges) {
    if ((address ^ range.base) >> (32 - range.bits) == 0) return range.kind;
  }
  return AddressClass::kPublic;
}

uint32_t v4_at(const uint8_t* bytes) { return v4(bytes[0], bytes[1], bytes[2], bytes[3]); }

bool has_prefix(const uint8_t* address, std::initializer_list<uint8_t> prefix) {
  return std::equal(prefix.begin(), prefix.end(), address);
}

// IPv6 forms that carry an IPv4 address inside are judged by that one.
AddressClass v6_classify(const uint8_t* a) {
  static constexpr uint8_t kAwsMetadata[16] = {0xfd, 0, 0x0e, 0xc2, 0, 0, 0, 0,
                                               0,    0, 0,    0,    0, 0, 0x02, 0x54};
  static constexpr uint8_t kLoopback[16] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1};
  if (std::memcmp(a, kLoopback, 16) == 0) return AddressClass::kPrivate;
  if (std::memcmp(a, kAwsMetadata, 16) == 0) return AddressClass::kForbidden;
  if (has_prefix(a, {0, 0, 0, 0, 0, 0, 0, 0, 0, 0})) {
    const bool mapped = a[10] == 0xff && a[11] == 0xff;
    const bool compatible = a[10] == 0 && a[11] == 0;
    return mapped || compatible ? v4_classify(v4_at(a + 12)) : AddressClass::kForbidden;
  }
  if (has_prefix(a, {0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0, 0})) return v4_classify(v4_at(a + 12));
  if (has_prefix(a, {0, 0x64, 0xff, 0x9b, 0, 0, 0, 0, 0, 0, 0, 0})) {  // NAT64
    return v4_classify(v4_at(a + 12));
  }
  if (has_prefix(a, {0, 0x64, 0xff, 0x9b, 0, 1})) return AddressClass::kForbidden;  // local NAT64
  if (has_prefix(a, {0x20, 0x02})) return v4_classify(v4_at(a + 2));                // 6to4
  if (has_prefix(a, {0x20, 0x01, 0, 0})) return v4_classify(~v4_at(a + 12));        // Teredo
  if (a[0] == 0xff) return AddressClass::kForbidden;                        // multicast
  if (a[0] == 0xfe && (a[1] & 0xc0) == 0x80) return AddressClass::kForbidden;  // link-local
  if (a[0] == 0xfe && (a[1] & 0xc0) == 0xc0) return AddressClass::kPrivate;    // site-local
  if ((a[0] & 0xfe) == 0xfc) return AddressClass::kPrivate;                    // unique local
  return AddressClass::kPublic;
}

// One part of an IPv4 address: decimal, 0x hex or 0 octal. False when it is no number.
bool parse_part(std::string_view text, uint64_t* value) {
  uint32_t base = 10;
  if (text.size() > 1 && text[0] == '0') {
    const bool hex = text[1] == 'x' || text[1] == 'X';
    base = hex ? 16 : 8;
    text.remove_prefix(hex ? 2 : 1);
  } else if (text.empty()) {
    return false;
  }
  *value = 0;
  for (const char c : text) {
    const char lower = static_cast<char>(c | 0x20);
    uint32_t digit = 99;
    if (c >= '0' && c <= '9') digit = static_cast<uint32_t>(c - '0');
    if (lower >= 'a' && lower <= 'f') digit = static_cast<uint32_t>(lower - 'a') + 10;
    if (digit >= base) return false;
    *value = *value * base + digit;
    if (*value > 0xffffffffU) return false;
  }
  return true;
}

// One to four parts; the last one fills all the bytes that are left, as inet_aton has it.
bool parse_v4(std::string_view host, uint32_t* out) {
  uint32_t address = 0;
  for (uint32_t part = 0; part < 4; ++part) {
    const size_t dot = host.find('.');
    uint64_t value = 0;
    if (!parse_part(host.substr(0, dot), &value)) return false;
    if (dot == std::string_view::npos) {
      if (value >> (32 - 8 * part) != 0) return false;
      *out = address | static_cast<uint32_t>(value);
      return true;
    }
    if (value > 255 || part == 3) return false;
    address |= static_cast<uint32_t>(value) << (24 - 8 * part);
    host.remove_prefix(dot + 1);
  }
  return false;
}

bool parse_v6(std::string_view host, in6_addr* out) {
  host = host.substr(0, host.find('%'));  // a zone does not change what the address is
  char text[INET6_ADDRSTRLEN] = {};
  if (host.find(':') == std::string_view::npos || host.size() >= sizeof(text)) return false;
  host.copy(text, host.size());
  return inet_pton(AF_INET6, text, out) == 1;
}

std::string_view trim_host(std::string_view host) {
  if (host.size() >= 2 && host.front() == '[' && host.back() == ']') {
    host = host.substr(1, host.size() - 2);
  }
  while (!host.empty() && host.back() == '.') host.remove_suffix(1);
  return host;
}

bool is_metadata_name(std::string_view host) {
  constexpr std::string_view kName = "metadata";
  const std::string_view label = host.substr(0, host.find('.'));
  return label.size() == kName.size() &&
         std::equal(label.begin(), label.end(), kName.begin(),
                    [](char a, char b) { return static_cast<char>(a | 0x20) == b; });
}

static_assert(kAddressText >= INET6_ADDRSTRLEN);
static_assert(kAddressText >= sizeof "255.255.255." + kNumberBytes);

// inet_ntop() takes 1,700 instructions, as it goes through snprintf().
void v4_text(const uint8_t* bytes, char* out) {
  for (int i = 0; i < 4; ++i) {
    if (i != 0) *out++ = '.';
    out = write_number(out, bytes[i]);
  }
  *out = 0;
}

}  // namespace

AddressClass address_classify(const sockaddr* address) {
  if (address->sa_family == AF_INET) {
    sockaddr_in in;
    std::memcpy(&in, address, sizeof(in));
    return v4_classify(ntohl(in.sin_addr.s_addr));
  }
  if (address->sa_family == AF_INET6) {
    sockaddr_in6 in6;
    std::memcpy(&in6, address, sizeof(in6));
    return v6_classify(in6.sin6_addr.s6_addr);
  }
  return AddressClass::kForbidden;
}

AddressClass host_classify(std::string_view host) {
  sockaddr_storage address;
  return host_classify(host, &address);
}

AddressClass host_classify(std::string_view host, sockaddr_storage* address) {
  if (host_to_address(host, address)) {
    return address_classify(reinterpret_cast<const sockaddr*>(address));
  }
  host = trim_host(host);
  if (host.empty() || is_metadata_name(host)) return AddressClass::kForbidden;
  return AddressClass::kPublic;
}

bool host_to_address(std::string_view host, sockaddr_storage* out) {
  host = trim_host(host);
  std::memset(out, 0, sizeof(*out));
  uint32_t number = 0;
  if (parse_v4(host, &number)) {
    auto* in = reinterpret_cast<sockaddr_in*>(out);
    in->sin_family = AF_INET;
    in->sin_addr.s_addr = htonl(number);
    return true;
  }
  in6_addr six;
  if (!parse_v6(host, &six)) return false;
  auto* in6 = reinterpret_cast<sockaddr_in6*>(out);
  in6->sin6_family = AF_INET6;
  in6->sin6_addr = six;
  return true;
}

void address_text(const sockaddr* address, char (&out)[kAddressText]) {
  out[0] = 0;
  if (address->sa_family == AF_INET) {
    sockaddr_in in;
    std::memcpy(&in, address, sizeof(in));
    v4_text(reinterpret_cast<const uint8_t*>(&in.sin_addr), out);
  } else if (address->sa_family == AF_INET6) {
    sockaddr_in6 in6;
    std::memcpy(&in6, address, sizeof(in6));
    if (IN6_IS_ADDR_V4MAPPED(&in6.sin6_addr)) return v4_text(in6.sin6_addr.s6_addr + 12, out);
    inet_ntop(AF_INET6, &in6.sin6_addr, out, sizeof(out));
  }
}

}  // namespace weir
