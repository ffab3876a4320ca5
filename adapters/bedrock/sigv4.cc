#include "adapters/bedrock/sigv4.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <algorithm>
#include <chrono>
#include <utility>

#include "adapters/common/arena_text.h"
#include "base/check.h"

namespace weir {

namespace {

constexpr std::string_view kAlgorithm = "AWS4-HMAC-SHA256";
constexpr std::string_view kTerminator = "aws4_request";
constexpr size_t kHashBytes = 32;

using Hash = std::array<uint8_t, kHashBytes>;
using Parameter = std::pair<std::string_view, std::string_view>;

constexpr bool is_unreserved(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
         c == '_' || c == '.' || c == '~';
}

Sha256Hex hex_of(const Hash& hash) {
  static constexpr char kDigits[] = "0123456789abcdef";
  Sha256Hex text;
  for (size_t i = 0; i < hash.size(); ++i) {
    text[i * 2] = kDigits[hash[i] >> 4];
    text[i * 2 + 1] = kDigits[hash[i] & 15];
  }
  return text;
}

std::string_view view_of(const Sha256Hex& hex) {
  return {hex.data(), hex.size()};
}

Hash hmac(std::string_view key, std::string_view text) {
  Hash out;
  unsigned length = 0;
  const auto* made =
      HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()),
           reinterpret_cast<const uint8_t*>(text.data()), text.size(), out.data(), &length);
  WEIR_CHECK(made != nullptr);
  WEIR_CHECK(length == kHashBytes);
  return out;
}

Hash hmac(const Hash& key, std::string_view text) {
  return hmac(std::string_view(reinterpret_cast<const char*>(key.data()), key.size()), text);
}

// The steps from the secret to a key that is good for one day, region and service.
Hash signing_key(const SigV4Key& key, std::string_view day, Arena& arena) {
  constexpr std::string_view kPrefix = "AWS4";
  const size_t size = kPrefix.size() + key.secret_access_key.size();
  char* const secret = arena.allocate(size);
  std::copy(kPrefix.begin(), kPrefix.end(), secret);
  std::copy(key.secret_access_key.begin(), key.secret_access_key.end(), secret + kPrefix.size());
  Hash step = hmac(std::string_view(secret, size), day);
  OPENSSL_cleanse(secret, size);
  step = hmac(step, key.region);
  step = hmac(step, key.service);
  return hmac(step, kTerminator);
}

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

std::string_view uri_decode(std::string_view text, Arena& arena) {
  char* const out = arena.allocate(text.size());
  size_t size = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    if (c == '%' && i + 2 < text.size()) {
      const int high = hex_digit(text[i + 1]);
      const int low = hex_digit(text[i + 2]);
      if (high >= 0 && low >= 0) {
        c = static_cast<char>(high * 16 + low);
        i += 2;
      }
    }
    out[size++] = c;
  }
  return {out, size};
}

// Removes "." and "..", and the empty segments between double slashes.
std::string_view path_normalize(std::string_view path, Arena& arena) {
  ArenaText out(arena, path.size() + 1);
  bool ends_with_slash = true;
  size_t at = 0;
  while (at < path.size()) {
    const size_t end = std::min(path.find('/', at), path.size());
    const std::string_view segment = path.substr(at, end - at);
    at = end + 1;
    ends_with_slash = end < path.size() || segment == "." || segment == "..";
    if (segment.empty() || segment == ".") continue;
    if (segment == "..") {
      const size_t slash = out.view().rfind('/');
      out.cut(slash == std::string_view::npos ? 0 : slash);
      continue;
    }
    out.add("/").add(segment);
  }
  if (out.size() == 0 || ends_with_slash) out.add("/");
  return out.view();
}

// False when there are too many parameters.
bool query_add(std::string_view query, ArenaText* out, Arena& arena) {
  std::array<Parameter, SigV4Request::kMaxParameters> parameters;
  size_t count = 0;
  while (!query.empty()) {
    const size_t end = std::min(query.find('&'), query.size());
    const std::string_view pair = query.substr(0, end);
    query.remove_prefix(std::min(end + 1, query.size()));
    if (pair.empty()) continue;
    if (count == parameters.size()) return false;
    const size_t equals = std::min(pair.find('='), pair.size());
    const std::string_view value = pair.substr(std::min(equals + 1, pair.size()));
    parameters[count++] = {uri_encode(uri_decode(pair.substr(0, equals), arena), false, arena),
                           uri_encode(uri_decode(value, arena), false, arena)};
  }
  std::sort(parameters.begin(), parameters.begin() + static_cast<std::ptrdiff_t>(count));
  for (size_t i = 0; i < count; ++i) {
    out->add(i == 0 ? "" : "&").add(parameters[i].first).add("=").add(parameters[i].second);
  }
  return true;
}

std::string_view lower_case(std::string_view text, Arena& arena) {
  char* const out = arena.allocate(text.size());
  std::transform(text.begin(), text.end(), out, [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
  });
  return {out, text.size()};
}

// Outer spaces go, inner runs of them become one.
void field_value_add(std::string_view value, ArenaText* out) {
  const auto is_space = [](char c) { return c == ' ' || c == '\t'; };
  while (!value.empty() && is_space(value.front())) value.remove_prefix(1);
  while (!value.empty() && is_space(value.back())) value.remove_suffix(1);
  size_t at = 0;
  while (at < value.size()) {
    const size_t end = std::min(value.find(' ', at), value.size());
    out->add(value.substr(at, end - at));
    at = end;
    if (at < value.size()) out->add(" ");
    while (at < value.size() && value[at] == ' ') ++at;
  }
}

// Writes the block of fields to `out` and their names to `names`; false when there are too many.
bool fields_add(std::span<const HeaderField> fields, ArenaText* out, ArenaText* names,
                Arena& arena) {
  std::array<HeaderField, SigV4Request::kMaxFields> sorted;
  if (fields.size() > sorted.size()) return false;
  for (size_t i = 0; i < fields.size(); ++i) {
    // Behind those of the same name: their values are joined in the order in which they are sent.
    const HeaderField field{lower_case(fields[i].name, arena), fields[i].value};
    size_t at = i;
    for (; at > 0 && field.name < sorted[at - 1].name; --at) sorted[at] = sorted[at - 1];
    sorted[at] = field;
  }
  for (size_t i = 0; i < fields.size(); ++i) {
    const bool same = i > 0 && sorted[i].name == sorted[i - 1].name;
    if (!same) {
      names->add(i == 0 ? "" : ";").add(sorted[i].name);
      out->add(i == 0 ? "" : "\n").add(sorted[i].name);
    }
    out->add(same ? "," : ":");
    field_value_add(sorted[i].value, out);
  }
  out->add("\n");
  return true;
}

std::unexpected<Error> too_many(std::string_view message) {
  return std::unexpected(Error{Errc::kInternal, message});
}

}  // namespace

Sha256Hex sha256_hex(std::string_view bytes) {
  Hash hash;
  unsigned length = 0;
  WEIR_CHECK(EVP_Digest(bytes.data(), bytes.size(), hash.data(), &length, EVP_sha256(), nullptr) ==
             1);
  WEIR_CHECK(length == kHashBytes);
  return hex_of(hash);
}

SigV4Timestamp sigv4_timestamp(int64_t unix_ms) {
  using namespace std::chrono;
  const sys_seconds now = floor<seconds>(sys_time<milliseconds>(milliseconds(unix_ms)));
  const auto day = floor<days>(now);
  const year_month_day date(day);
  const hh_mm_ss clock(now - day);
  SigV4Timestamp text;
  const auto digits = [&text](size_t at, size_t count, int64_t value) {
    for (size_t i = count; i-- > 0; value /= 10) text[at + i] = static_cast<char>('0' + value % 10);
  };
  digits(0, 4, static_cast<int>(date.year()));
  digits(4, 2, static_cast<unsigned>(date.month()));
  digits(6, 2, static_cast<unsigned>(date.day()));
  text[8] = 'T';
  digits(9, 2, clock.hours().count());
  digits(11, 2, clock.minutes().count());
  digits(13, 2, clock.seconds().count());
  text[15] = 'Z';
  return text;
}

std::string_view uri_encode(std::string_view text, bool keep_slash, Arena& arena) {
  static constexpr char kDigits[] = "0123456789ABCDEF";
  char* const out = arena.allocate(text.size() * 3);
  char* to = out;
  for (const char c : text) {
    if (is_unreserved(c) || (keep_slash && c == '/')) {
      *to++ = c;
      continue;
    }
    const auto byte = static_cast<uint8_t>(c);
    *to++ = '%';
    *to++ = kDigits[byte >> 4];
    *to++ = kDigits[byte & 15];
  }
  return {out, static_cast<size_t>(to - out)};
}

Result<SigV4Signed> sigv4_sign(const SigV4Request& request, const SigV4Key& key, Arena& arena) {
  const size_t question = std::min(request.target.find('?'), request.target.size());
  std::string_view path = request.target.substr(0, question);
  const std::string_view query =
      request.target.substr(std::min(question + 1, request.target.size()));
  if (request.normalize) path = path_normalize(path, arena);
  SigV4Signed out;
  ArenaText canonical(arena, 1024);
  // The path is encoded as it is sent, so what was encoded once is now encoded twice.
  canonical.add(request.method).add("\n").add(uri_encode(path, true, arena)).add("\n");
  if (!query_add(query, &canonical, arena)) return too_many("too many parameters to sign");
  canonical.add("\n");
  ArenaText names(arena, 256);
  if (!fields_add(request.fields, &canonical, &names, arena)) {
    return too_many("too many fields to sign");
  }
  out.signed_fields = names.view();
  canonical.add("\n").add(names.view()).add("\n").add(request.body_hash);
  out.canonical_request = canonical.view();

  const std::string_view day = request.timestamp.substr(0, 8);
  ArenaText scope(arena, 96);
  scope.add(day).add("/").add(key.region).add("/").add(key.service).add("/").add(kTerminator);
  ArenaText to_sign(arena, 256);
  to_sign.add(kAlgorithm).add("\n").add(request.timestamp).add("\n").add(scope.view()).add("\n");
  to_sign.add(view_of(sha256_hex(out.canonical_request)));
  out.string_to_sign = to_sign.view();

  Hash day_key = signing_key(key, day, arena);
  const Sha256Hex signature = hex_of(hmac(day_key, out.string_to_sign));
  OPENSSL_cleanse(day_key.data(), day_key.size());
  out.signature = arena.copy(view_of(signature));
  ArenaText authorization(arena, 384);
  authorization.add(kAlgorithm).add(" Credential=").add(key.access_key_id).add("/");
  authorization.add(scope.view()).add(", SignedHeaders=").add(out.signed_fields);
  out.authorization = authorization.add(", Signature=").add(out.signature).view();
  return out;
}

}  // namespace weir
