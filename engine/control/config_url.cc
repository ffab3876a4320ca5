#include "control/config_url.h"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>

namespace weir {

namespace {

constexpr size_t kMaxUrl = 2048;
constexpr size_t kMaxHost = 253;

bool is_alnum(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

bool host_name_valid(std::string_view host) {
  if (host.empty() || host.size() > kMaxHost || !is_alnum(host.front())) return false;
  return std::all_of(host.begin(), host.end(),
                     [](char c) { return is_alnum(c) || c == '.' || c == '-' || c == '_'; });
}

bool ipv6_valid(std::string_view host) {
  in6_addr address{};
  return host.size() < INET6_ADDRSTRLEN && inet_pton(AF_INET6, std::string(host).c_str(),
                                                     &address) == 1;
}

std::string lower_case(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return out;
}

bool port_parse(std::string_view text, uint32_t lowest, uint16_t* port) {
  uint32_t value = 0;
  const char* end = text.data() + text.size();
  const auto [next, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc{} || next != end || text.size() > 5) return false;
  if (value < lowest || value > 65535) return false;
  *port = static_cast<uint16_t>(value);
  return true;
}

struct HostPort {
  std::string_view host;  // without brackets
  std::string_view port;
  bool has_port = false;
  bool bracketed = false;
};

// "host", "host:port", "[v6]", "[v6]:port"; nothing is checked beyond the brackets.
bool host_port_split(std::string_view text, HostPort* out) {
  size_t end = 0;
  if (text.starts_with('[')) {
    const size_t close = text.find(']');
    if (close == std::string_view::npos) return false;
    out->host = text.substr(1, close - 1);
    out->bracketed = true;
    end = close + 1;
  } else {
    end = std::min(text.find(':'), text.size());
    out->host = text.substr(0, end);
  }
  const std::string_view rest = text.substr(end);
  if (rest.empty()) return true;
  out->has_port = rest.front() == ':';
  out->port = rest.substr(1);
  return out->has_port;
}

const char* path_problem(std::string_view path) {
  for (const char c : path) {
    if (!is_alnum(c) && std::string_view("/-._~!$&'()*+,;=:@%").find(c) == std::string_view::npos) {
      return "the path holds a byte that may not stand in a URL";
    }
  }
  if (path.find("//") != std::string_view::npos) return "the path has an empty part";
  for (size_t at = path.find("/."); at != std::string_view::npos; at = path.find("/.", at + 1)) {
    const std::string_view part = path.substr(at + 1, path.find('/', at + 1) - at - 1);
    if (part == "." || part == "..") return "the path has a . or .. part";
  }
  return nullptr;
}

const char* host_problem(const HostPort& place) {
  const bool valid = place.bracketed ? ipv6_valid(place.host) : host_name_valid(place.host);
  return valid ? nullptr : "needs a plain host name or address";
}

bool percent_decode(std::string_view text, std::string* out) {
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      *out += text[i];
      continue;
    }
    int value = 0;
    if (i + 3 > text.size()) return false;
    const auto [next, error] = std::from_chars(text.data() + i + 1, text.data() + i + 3, value, 16);
    if (error != std::errc{} || next != text.data() + i + 3 || value < 0x20) return false;
    *out += static_cast<char>(value);
    i += 2;
  }
  return true;
}

const char* bytes_problem(std::string_view text) {
  if (text.empty()) return "is empty";
  if (text.size() > kMaxUrl) return "is longer than 2048 bytes";
  for (const char c : text) {
    if (c <= 0x20 || c > 0x7e) return "holds a space, a control byte or a byte outside ASCII";
  }
  return nullptr;
}

}  // namespace

std::expected<BaseUrl, const char*> base_url_parse(std::string_view text) {
  if (const char* problem = bytes_problem(text)) return std::unexpected(problem);
  BaseUrl url;
  const std::string scheme = lower_case(text.substr(0, text.find("://")));
  if (text.find("://") == std::string_view::npos || (scheme != "http" && scheme != "https")) {
    return std::unexpected("needs to begin with http:// or https://");
  }
  url.tls = scheme == "https";
  std::string_view rest = text.substr(scheme.size() + 3);
  if (rest.find('?') != std::string_view::npos) return std::unexpected("may not have a query");
  if (rest.find('#') != std::string_view::npos) return std::unexpected("may not have a fragment");
  const size_t slash = std::min(rest.find('/'), rest.size());
  const std::string_view authority = rest.substr(0, slash);
  if (authority.find('@') != std::string_view::npos) {
    return std::unexpected("may not have a user name or password; use data.apikey");
  }
  std::string_view path = rest.substr(slash);
  while (path.ends_with('/')) path.remove_suffix(1);
  if (const char* problem = path_problem(path)) return std::unexpected(problem);
  HostPort place;
  if (!host_port_split(authority, &place)) return std::unexpected("has a malformed host");
  if (const char* problem = host_problem(place)) return std::unexpected(problem);
  url.port = url.tls ? 443 : 80;
  if (place.has_port && !port_parse(place.port, 1, &url.port)) {
    return std::unexpected("needs a port from 1 to 65535");
  }
  url.host = lower_case(place.host);
  url.authority = place.bracketed ? "[" + url.host + "]" : url.host;
  if (url.port != (url.tls ? 443 : 80)) url.authority += ":" + std::to_string(url.port);
  url.path = path;
  return url;
}

std::expected<ProxyUrl, const char*> proxy_url_parse(std::string_view text) {
  if (const char* problem = bytes_problem(text)) return std::unexpected(problem);
  if (!lower_case(text.substr(0, 7)).starts_with("http://")) {
    return std::unexpected("needs to begin with http://");
  }
  text.remove_prefix(7);
  if (text.ends_with('/')) text.remove_suffix(1);
  ProxyUrl url;
  if (const size_t at = text.rfind('@'); at != std::string_view::npos) {
    if (!percent_decode(text.substr(0, at), &url.userinfo)) {
      return std::unexpected("has a malformed user name or password");
    }
    text.remove_prefix(at + 1);
  }
  HostPort place;
  if (!host_port_split(text, &place)) return std::unexpected("has a malformed host");
  if (const char* problem = host_problem(place)) return std::unexpected(problem);
  if (!place.has_port || !port_parse(place.port, 1, &url.port)) {
    return std::unexpected("needs a port from 1 to 65535");
  }
  url.host = lower_case(place.host);
  return url;
}

std::expected<ListenAddressText, const char*> listen_parse(std::string_view text) {
  if (const char* problem = bytes_problem(text)) return std::unexpected(problem);
  HostPort place;
  if (!host_port_split(text, &place) || !place.has_port) {
    return std::unexpected("needs the form ADDRESS:PORT, such as 127.0.0.1:8080 or [::]:8443");
  }
  ListenAddressText out;
  if (!port_parse(place.port, 0, &out.port)) {
    return std::unexpected("needs a port from 0 to 65535");
  }
  out.host = place.host.empty() && !place.bracketed ? "0.0.0.0" : place.host;
  if (out.host == "localhost") out.host = "127.0.0.1";
  in_addr v4{};
  const bool valid = place.bracketed ? ipv6_valid(out.host)
                                     : inet_pton(AF_INET, out.host.c_str(), &v4) == 1;
  if (!valid) return std::unexpected("needs an IPv4 address, or an IPv6 address in brackets");
  return out;
}

}  // namespace weir
