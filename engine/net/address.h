// Which addresses Weir never talks to, whatever name led there (REQUIREMENTS: link-local and cloud
// metadata always; private and loopback ranges when the provider denies them). Checked when a
// configuration is loaded for literal hosts, and again on every resolved address before a connect.
// Any spelling that inet_aton-like parsers accept (octal, hex, one number) counts. Any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

struct sockaddr;
struct sockaddr_storage;

namespace weir {

enum class AddressClass : uint8_t { kPublic, kPrivate, kForbidden };

[[nodiscard]] AddressClass address_classify(const sockaddr* address);
// For a host as written in a URL: metadata.* names are kForbidden too; other names are kPublic.
[[nodiscard]] AddressClass host_classify(std::string_view host);
// The same, and the address with port 0; its family is AF_UNSPEC when `host` is a name.
[[nodiscard]] AddressClass host_classify(std::string_view host, sockaddr_storage* address);
// True when `host` is an address and not a name; `out` then holds it, with port 0, and else zeros.
[[nodiscard]] bool host_to_address(std::string_view host, sockaddr_storage* out);

// Room for any address as text.
constexpr size_t kAddressText = 46;
// Writes the address in numbers, with a zero behind it; nothing but that for other families. A
// dual-stack socket shows IPv4 as mapped addresses: these are written as the IPv4 ones they are.
void address_text(const sockaddr* address, char (&out)[kAddressText]);

}  // namespace weir
