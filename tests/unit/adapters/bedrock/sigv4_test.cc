// Goal: a signature is the one that AWS would compute, byte by byte.
//
// Method: one small case whose parts were worked out by hand with another tool, and all vectors of
// the recordings' folder (see recorded_test.cc for where it is), skipped when it is absent.
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "adapters/bedrock/sigv4.h"
#include "adapters/common/json_walk.h"
#include "tests/shared/paths.h"
#include "tests/unit/adapters/harness.h"

namespace weir::test {
namespace {

namespace fs = std::filesystem;

std::string plain(std::string_view token) {
  Arena arena;
  return json_is_string(token) ? std::string(json_unquote(token, arena)) : std::string();
}

std::string text_of(const Sha256Hex& hex) {
  return {hex.data(), hex.size()};
}

TEST(SigV4, HashAndTimestamp) {
  EXPECT_EQ("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
            text_of(sha256_hex("")));
  const auto stamp = [](int64_t unix_ms) {
    const SigV4Timestamp text = sigv4_timestamp(unix_ms);
    return std::string(text.data(), text.size());
  };
  EXPECT_EQ("19700101T000000Z", stamp(0));
  EXPECT_EQ("20231114T221320Z", stamp(1'700'000'000'999));
  EXPECT_EQ("20240229T235959Z", stamp(1'709'251'199'000));
}

TEST(SigV4, OneSegmentIsEncodedWhole) {
  Arena arena;
  EXPECT_EQ("arn%3Aaws%3Abedrock%3Ax%2Fy_z-1.0~%25",
            uri_encode("arn:aws:bedrock:x/y_z-1.0~%", false, arena));
  EXPECT_EQ("/a%253A/b", uri_encode("/a%3A/b", true, arena));
}

TEST(SigV4, MoreThanItsBoundsIsRefused) {
  Arena arena;
  const Sha256Hex hash = sha256_hex("");
  SigV4Request request{.method = "GET",
                       .target = "/",
                       .fields = {},
                       .body_hash = {hash.data(), hash.size()},
                       .timestamp = "20250101T000000Z"};
  const SigV4Key key{"id", "secret", "here", "thing"};
  const std::vector<HeaderField> many(SigV4Request::kMaxFields + 1, HeaderField{"a", "b"});
  request.fields = many;
  EXPECT_EQ(Errc::kInternal, sigv4_sign(request, key, arena).error().code);
  request.fields = {};
  std::string target = "/?";
  for (size_t i = 0; i <= SigV4Request::kMaxParameters; ++i) target += "a=b&";
  request.target = target;
  EXPECT_EQ(Errc::kInternal, sigv4_sign(request, key, arena).error().code);
  request.target = "/?a=b";
  EXPECT_TRUE(sigv4_sign(request, key, arena).has_value());
}

// A request of a vector, as far as it is signed.
struct Vector {
  std::string method;
  std::string target;
  std::string body;
  std::vector<std::pair<std::string, std::string>> fields;
};

// "METHOD target HTTP/1.1", fields, an empty line and a body.
Vector raw_request_read(const std::string& text) {
  Vector out;
  const size_t line_end = text.find('\n');
  const std::string line = text.substr(0, line_end);
  const size_t first = line.find(' ');
  const size_t last = line.rfind(' ');
  out.method = line.substr(0, first);
  out.target = line.substr(first + 1, last - first - 1);
  size_t at = line_end + 1;
  while (at < text.size()) {
    const size_t end = std::min(text.find('\n', at), text.size());
    const std::string field = text.substr(at, end - at);
    at = end + 1;
    if (field.empty()) {
      out.body = text.substr(std::min(at, text.size()));
      break;
    }
    const size_t colon = field.find(':');
    out.fields.emplace_back(field.substr(0, colon), field.substr(colon + 1));
  }
  return out;
}

Vector request_read(std::string_view request) {
  if (json_is_string(request)) return raw_request_read(plain(request));
  Vector out;
  out.method = plain(json_member(request, "method"));
  out.body = plain(json_member(request, "body"));
  const std::string url = plain(json_member(request, "url"));
  out.target = url.substr(url.find('/', url.find("//") + 2));
  JsonMembers fields(json_member(request, "headers_to_sign"));
  while (fields.next()) out.fields.emplace_back(fields.key(), plain(fields.value()));
  return out;
}

// "2025-03-15T12:34:56Z" without its marks.
std::string stamp_read(std::string text) {
  std::erase_if(text, [](char c) { return c == '-' || c == ':'; });
  return text;
}

void vector_check(std::string_view json) {
  const std::string_view context = json_member(json, "context");
  const std::string_view credentials = json_member(context, "credentials");
  Vector vector = request_read(json_member(json, "request"));
  const std::string stamp = stamp_read(plain(json_member(context, "timestamp")));
  const Sha256Hex hash = sha256_hex(vector.body);
  if (json_is_string(json_member(json, "request"))) {
    vector.fields.emplace_back("X-Amz-Date", stamp);
    const std::string token = plain(json_member(credentials, "token"));
    if (!token.empty()) vector.fields.emplace_back("X-Amz-Security-Token", token);
    if (json_member(context, "sign_body") == "true") {
      vector.fields.emplace_back("x-amz-content-sha256", text_of(hash));
    }
  }
  std::vector<HeaderField> fields;
  for (const auto& [name, value] : vector.fields) fields.push_back({name, value});
  const std::string id = plain(json_member(credentials, "access_key_id"));
  const std::string secret = plain(json_member(credentials, "secret_access_key"));
  const std::string region = plain(json_member(context, "region"));
  const std::string service = plain(json_member(context, "service"));
  Arena arena;
  const auto made = sigv4_sign({.method = vector.method,
                                .target = vector.target,
                                .fields = fields,
                                .body_hash = {hash.data(), hash.size()},
                                .timestamp = stamp,
                                .normalize = json_member(context, "normalize") != "false"},
                               {id, secret, region, service}, arena);
  ASSERT_TRUE(made.has_value());
  EXPECT_EQ(plain(json_member(json, "canonical_request")), made->canonical_request);
  EXPECT_EQ(plain(json_member(json, "string_to_sign")), made->string_to_sign);
  EXPECT_EQ(plain(json_member(json, "signature")), made->signature);
  const std::string authorization = plain(json_member(json, "authorization"));
  if (!authorization.empty()) {
    EXPECT_EQ(authorization, made->authorization);
  }
}

TEST(SigV4, Vectors) {
  const fs::path folder = test::fixtures_dir() / "aws-sigv4";
  if (!fs::exists(folder)) GTEST_SKIP() << "no vectors at " << folder << "; set WEIR_FIXTURES";
  size_t count = 0;
  for (const auto& entry : fs::directory_iterator(folder)) {
    SCOPED_TRACE(entry.path().string());
    std::ifstream file(entry.path(), std::ios::binary);
    const std::string text{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
    vector_check(text);
    ++count;
  }
  EXPECT_GT(count, 0u);
}

}  // namespace
}  // namespace weir::test
