// Which addresses Weir never talks to, whatever name led there (REQUIREMENTS: link-local and cloud
// metadata always; private and loopback ranges when the provider denies them). Checked when a
// configuration is loaded for literal hosts, and again on every resolved address before a connect.
// Any spelling that inet_aton-like parsers accept (octal, hex, one number) counts. Any thread.
#pragma once

#include <cstdint>
#include <string_view>

struct sockaddr;
struct sockaddr_storage;

namespace weir {

enum class AddressClass : uint8_t { kPublic, kPrivate, kForbidden };

[[nodiscard]] AddressClass address_classify(const sockaddr* address);
// For a host as written in a URL: metadata.* names are kForbidden too; other names are kPublic.
[[nodiscard]] AddressClass host_classify(std::string_view host);
// True when `host` is an address and not a name; `out` then holds it, with port 0.
[[nodiscard]] bool host_to_address(std::string_view host, sockaddr_storage* out);

}  // namespace weir
