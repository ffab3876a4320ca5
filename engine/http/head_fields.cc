#include "http/head_fields.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <charconv>
#include <cstring>

namespace weir {

namespace {

std::unexpected<Error> refuse(Errc code, std::string_view message) {
  return std::unexpected(Error{code, message});
}

// A registered name; IPv4 addresses are names of digits and dots.
bool is_reg_name(std::string_view host) {
  if (host.empty()) return false;
  const char* const end = host.data() + host.size();
  for (const char* p = host.data();; p += 3) {
    p = bytes_skip(p, end, kHostByte);
    if (p == end) return true;
    if (*p != '%' || end - p < 3 || hex_value(p[1]) < 0 || hex_value(p[2]) < 0) return false;
  }
}

bool is_ipv6(std::string_view address) {
  char text[INET6_ADDRSTRLEN];
  if (address.size() >= sizeof text) return false;
  std::memcpy(text, address.data(), address.size());
  text[address.size()] = '\0';
  in6_addr parsed;
  return ::inet_pton(AF_INET6, text, &parsed) == 1;
}

// An empty port is in the grammar of RFC 3986.
bool is_port(std::string_view port) {
  if (port.empty()) return true;
  uint64_t number = 0;
  return digits_read(port, &number) && number <= 65535;
}

}  // namespace

void FramingFields::take_connection(std::string_view value) {
  list_walk(value, [this](std::string_view token) {
    if (equals_folded(token, "close")) close = true;
    if (equals_folded(token, "keep-alive")) keep_alive = true;
  });
}

Result<BodyFraming> framing_resolve(const FramingFields& fields, uint8_t minor_version) {
  constexpr Errc kBad = Errc::kMalformedRequest;
  if (fields.lengths > 1) return refuse(kBad, "Content-Length must be sent once");
  if (fields.codings > 1) return refuse(kBad, "Transfer-Encoding must be sent once");
  if (fields.codings != 0) {
    if (fields.lengths != 0) {
      return refuse(kBad, "Content-Length and Transfer-Encoding exclude each other");
    }
    if (minor_version == 0) return refuse(kBad, "HTTP/1.0 has no Transfer-Encoding");
    if (!equals_folded(fields.coding, "chunked")) {
      return refuse(Errc::kNotImplemented, "the only transfer coding understood is chunked");
    }
    return BodyFraming{Framing::kChunked, 0};
  }
  if (fields.lengths == 0) return BodyFraming{};
  BodyFraming result{Framing::kLength, 0};
  if (!digits_read(fields.length, &result.content_length)) {
    return refuse(kBad, "Content-Length must be a decimal number");
  }
  return result;
}

bool digits_read(std::string_view text, uint64_t* number) {
  const char* const end = text.data() + text.size();
  if (text.size() <= 19) {  // cannot overflow
    uint64_t sum = 0;
    for (const char* p = text.data(); p != end; ++p) {
      const auto digit = static_cast<unsigned>(*p - '0');
      if (digit > 9) return false;
      sum = sum * 10 + digit;
    }
    *number = sum;
    return !text.empty();
  }
  const auto result = std::from_chars(text.data(), end, *number);
  // For unsigned types from_chars takes neither sign nor blank, so this is exactly 1*DIGIT.
  return result.ec == std::errc() && result.ptr == end;
}

bool authority_is_valid(std::string_view authority) {
  if (authority.starts_with('[')) {
    const size_t close = authority.find(']');
    if (close == std::string_view::npos) return false;
    const std::string_view rest = authority.substr(close + 1);
    if (!is_ipv6(authority.substr(1, close - 1))) return false;
    return rest.empty() || (rest.front() == ':' && is_port(rest.substr(1)));
  }
  size_t colon = 0;
  while (colon != authority.size() && authority[colon] != ':') ++colon;
  if (!is_reg_name(authority.substr(0, colon))) return false;
  return colon == authority.size() || is_port(authority.substr(colon + 1));
}

}  // namespace weir
