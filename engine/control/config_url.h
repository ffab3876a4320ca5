// Reads the addresses of a configuration: upstream base URLs, CONNECT proxies, listen addresses.
//
// Strict on purpose: what is accepted here becomes a request line and a Host field. Error texts are
// static and never quote the address, which may hold a password. Pure functions; any thread.
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>

namespace weir {

struct BaseUrl {
  bool tls = false;
  std::string host;       // lower case; IPv6 without brackets
  uint16_t port = 0;
  std::string authority;  // for Host: brackets kept, the scheme's own port left out
  std::string path;       // starts with a slash, or is empty; has no slash at its end
};

[[nodiscard]] std::expected<BaseUrl, const char*> base_url_parse(std::string_view text);

struct ProxyUrl {
  std::string host;
  uint16_t port = 0;
  std::string userinfo;  // "name:password", percent-decoded; empty: none
};
// http://[name:password@]host:port
[[nodiscard]] std::expected<ProxyUrl, const char*> proxy_url_parse(std::string_view text);

struct ListenAddressText {
  std::string host;  // "127.0.0.1", or "::" without its brackets
  uint16_t port = 0;
};
// "127.0.0.1:8080", "[::]:8443", ":8080" (all IPv4 addresses). Port 0 asks for any free port.
[[nodiscard]] std::expected<ListenAddressText, const char*> listen_parse(std::string_view text);

}  // namespace weir
