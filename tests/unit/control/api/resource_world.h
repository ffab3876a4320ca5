// A catalog and its API without a control plane: what a call would do and answer. One thread.
#pragma once

#include <gtest/gtest.h>

#include <span>
#include <string>
#include <string_view>

#include "../fake_worker.h"
#include "control/api/api_route.h"
#include "control/store/catalog.h"

namespace weir::test {

class ResourceWorld {
 public:
  ResourceWorld() {
    Config file;
    EXPECT_TRUE(catalog.set_file(file, kNow));
    catalog.accept();
  }

  // As an admin of `tenant`. A call that fails leaves nothing, as in a batch.
  ManagementCall ask(std::string_view method, std::string_view path, std::string body = {}) {
    ManagementCall call;
    call.method = method;
    const size_t question = path.find('?');
    call.path = path.substr(0, question);
    if (question != std::string_view::npos) call.query = path.substr(question + 1);
    call.body = std::move(body);
    call.tenant = tenant;
    call.key_id = "key";
    call.admin = true;
    ApiMatch match = api_match(method, call.path);
    if (match.route == nullptr || match.route->resource == nullptr) {
      ADD_FAILURE() << "no resource at " << method << " " << path;
      return call;
    }
    ApiCall made{.call = &call, .parameters = std::move(match.parameters), .unix_s = now,
                 .secrets = &secrets};
    const size_t mark = catalog.mark();
    match.route->resource(catalog, made);
    if (call.has_error) catalog.undo_to(mark);
    EXPECT_NE(call.status, 0) << method << " " << path;
    return call;
  }
  // The answer of a call that must succeed.
  std::string good(std::string_view method, std::string_view path, std::string body = {}) {
    const ManagementCall call = ask(method, path, std::move(body));
    EXPECT_FALSE(call.has_error) << method << " " << path << ": " << call.error_message;
    return call.reply;
  }
  // "404 provider_not_found name": status, code and field of a call that must fail.
  std::string bad(std::string_view method, std::string_view path, std::string body = {}) {
    const ManagementCall call = ask(method, path, std::move(body));
    if (!call.has_error) return "good: " + call.reply;
    EXPECT_FALSE(call.error_message.empty());
    std::string out = std::to_string(call.status) + " " + call.error_code;
    return call.error_param.empty() ? out : out + " " + call.error_param;
  }
  // The text of the first member of that name.
  static std::string member(std::string_view json, std::string_view name) {
    const std::string mark = "\"" + std::string(name) + "\":\"";
    const size_t at = json.find(mark);
    if (at == std::string_view::npos) return "";
    const std::string_view rest = json.substr(at + mark.size());
    return std::string(rest.substr(0, rest.find('"')));
  }
  static size_t count(std::string_view text, std::string_view word) {
    size_t found = 0;
    for (size_t at = text.find(word); at != std::string_view::npos; at = text.find(word, at + 1)) {
      ++found;
    }
    return found;
  }
  std::string provider(std::string_view name = "p") {
    return member(good("POST", "/v1/providers/openai",
                       "{\"name\":\"" + std::string(name) +
                           R"(","data":{"apikey":"sk-planted-secret","base_url":"http://h/v1"}})"),
                  "uuid");
  }
  std::string model(const std::string& provider_uuid, const std::string& id,
                    const std::string& alias = "") {
    std::string body = "{\"id\":\"" + id + "\"";
    if (!alias.empty()) body += ",\"alias\":\"" + alias + "\"";
    return member(good("POST", "/v1/providers/" + provider_uuid + "/models", body + "}"), "uuid");
  }

  static constexpr int64_t kNow = 1'800'000'000;
  ConfigOptions options = fake_options();
  Catalog catalog{&options};
  SecretsConfig secrets;
  std::string tenant = kDefaultTenant;
  int64_t now = kNow;
};

struct Bad {  // a body, and what bad() says of it
  std::string_view body, answer;
};

class ResourceTest : public testing::Test, protected ResourceWorld {
 protected:
  void expect_bad(std::string_view method, const std::string& path, std::span<const Bad> cases) {
    for (const Bad& c : cases) {
      EXPECT_EQ(bad(method, path, std::string(c.body)), c.answer) << c.body;
    }
  }
  static bool has(std::string_view text, std::string_view word) {
    return text.find(word) != std::string_view::npos;
  }
};

}  // namespace weir::test
