#include "proxy/reply.h"

#include <gtest/gtest.h>

#include <string>

#include "json/reply_scan.h"
#include "json/request_scan.h"

namespace weir {
namespace {

TEST(Reply, EveryErrorHasItsStatusTypeAndCode) {
  struct Case {
    Errc code;
    int status;
    std::string_view type;
    std::string_view wire_code;
  };
  const Case cases[] = {
      {Errc::kUnauthorized, 401, "authentication_error", "invalid_api_key"},
      {Errc::kAccessDenied, 403, "permission_error", "access_denied"},
      {Errc::kModelNotFound, 404, "invalid_request_error", "model_not_found"},
      {Errc::kRateLimited, 429, "rate_limit_error", "rate_limit_exceeded"},
      {Errc::kUpstreamAuth, 502, "server_error", "upstream_auth_failed"},
      {Errc::kUpstreamUnavailable, 502, "server_error", "upstream_unavailable"},
      {Errc::kUpstreamTimeout, 504, "timeout_error", "upstream_timeout"},
      {Errc::kNoBackend, 503, "server_error", "no_backend_available"},
      {Errc::kOverloaded, 503, "server_error", "overloaded"},
      {Errc::kUnsupportedEndpoint, 400, "invalid_request_error", "unsupported_endpoint"},
  };
  for (const Case& c : cases) {
    const WireError wire = wire_error(c.code);
    EXPECT_EQ(wire.status, c.status) << c.wire_code;
    EXPECT_EQ(wire.type, c.type) << c.wire_code;
    EXPECT_EQ(wire.code, c.wire_code);
  }
}

// Three client libraries read three places of one body.
TEST(Reply, TheErrorBodyServesEveryClientLibrary) {
  Arena arena;
  UpstreamError error = error_of({Errc::kModelNotFound, "no \"such\"\nmodel", "model"});
  const std::string_view body = error_body(arena, error, "req-1");
  EXPECT_EQ(body,
            "{\"error\":{\"message\":\"no \\\"such\\\"\\nmodel\","
            "\"type\":\"invalid_request_error\",\"param\":\"model\","
            "\"code\":\"model_not_found\",\"request_id\":\"req-1\"},"
            "\"errors\":[{\"code\":\"model_not_found\",\"message\":\"no \\\"such\\\"\\nmodel\"}],"
            "\"trace\":\"req-1\",\"status_code\":404}");
}

TEST(Reply, AProvidersOwnCodeGoesBeforeOurs) {
  Arena arena;
  UpstreamError error = error_of({Errc::kUpstreamRejected, "too long"});
  error.status = 400;
  error.wire_code = "context_length_exceeded";
  const std::string_view body = error_body(arena, error, "req-1");
  EXPECT_NE(body.find("\"code\":\"context_length_exceeded\""), std::string_view::npos);
  EXPECT_NE(body.find("\"param\":null"), std::string_view::npos);
}

TEST(Reply, AnErrorEventIsOneEventOfValidJson) {
  Arena arena;
  UpstreamError error = error_of({Errc::kUpstreamIncomplete, "cut \xff off\n\nhere"});
  const std::string_view event = error_event(arena, error, "req-1");
  ASSERT_TRUE(event.starts_with("data: "));
  ASSERT_TRUE(event.ends_with("}\n\n"));
  EXPECT_EQ(event.find("\n\n"), event.size() - 2);
  std::string padded(event.substr(6, event.size() - 8));
  padded.append(RequestScanner::kPadding, ' ');
  ReplyScanner scanner;
  ReplyView view;
  EXPECT_TRUE(
      scanner.scan({padded.data(), padded.size() - RequestScanner::kPadding}, &view));
  EXPECT_TRUE(view.has_error);
}

}  // namespace
}  // namespace weir
