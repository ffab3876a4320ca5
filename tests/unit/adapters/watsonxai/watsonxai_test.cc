// Goal: what a watsonx.ai request says beside its golden cases: whose project pays, deployments,
// requests in parts, pages of the model list, and configurations that are refused.
#include <array>

#include "tests/unit/adapters/harness.h"

namespace weir::test {
namespace {

constexpr std::string_view kChat = R"({"model":"m","messages":[{"role":"user","content":"a"}]})";

class WatsonxRequest : public testing::Test {
 protected:
  void make(Endpoint endpoint) {
    harness_ = std::make_unique<Harness>("watsonxai", endpoint);
    harness_->provider().base_path.clear();
    option("auth", "bearer");
    option("project_id", "proj-1");
  }
  void option(std::string_view name, std::string_view value) {
    harness_->provider().options.emplace_back(name, value);
  }
  std::string sent_with(std::span<const HeaderField> fields) {
    EXPECT_TRUE(harness_->begin(kChat));
    harness_->call().client_fields = fields;
    return harness_->sent();
  }
  // The parameter that a configuration is refused for.
  std::string refused(std::string_view name, std::string_view value) {
    make(Endpoint::kChat);
    harness_->provider().options.insert(harness_->provider().options.begin(),
                                        {std::string(name), std::string(value)});
    return harness_->begin(kChat) ? "" : std::string(harness_->refusal().param);
  }

  std::unique_ptr<Harness> harness_;
};

bool holds(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

TEST_F(WatsonxRequest, TheClientMayNameTheProject) {
  make(Endpoint::kChat);
  const HeaderField project[] = {{"x-ibm-project-id", "mine \"q\""}};
  std::string sent = sent_with(project);
  EXPECT_TRUE(holds(sent, R"("project_id":"mine \"q\"")")) << sent;
  EXPECT_FALSE(holds(sent, "proj-1"));
  const HeaderField space[] = {{"x-ibm-space-id", "space-9"}};
  sent = sent_with(space);
  EXPECT_TRUE(holds(sent, R"("space_id":"space-9")")) << sent;
  EXPECT_FALSE(holds(sent, "project_id"));
}

TEST_F(WatsonxRequest, AProjectThatCannotBe) {
  make(Endpoint::kChat);
  const std::string large(200, 'x');
  for (const std::string_view value : {std::string_view("a\x01"), std::string_view("a\x7f"),
                                       std::string_view(large)}) {
    const HeaderField field[] = {{"x-ibm-space-id", value}};
    const std::string sent = sent_with(field);
    EXPECT_TRUE(sent.starts_with("refused: ") && holds(sent, "[x-ibm-space-id]")) << sent;
  }
  const HeaderField both[] = {{"x-ibm-project-id", "a"}, {"x-ibm-space-id", "b"}};
  EXPECT_TRUE(holds(sent_with(both), "exclude each other"));
}

TEST_F(WatsonxRequest, AForbiddenProjectIsTheFaultOfWhoNamedIt) {
  make(Endpoint::kChat);
  Reply reply;
  reply.status = 403;
  const std::string_view body =
      R"({"errors":[{"code":"authorization_rejected","message":"not a member"}]})";
  static_cast<void>(sent_with({}));
  EXPECT_EQ(Fault::kCredential, harness_->error(reply, body).fault);
  const HeaderField field[] = {{"x-ibm-project-id", "theirs"}};
  static_cast<void>(sent_with(field));
  const UpstreamError error = harness_->error(reply, body);
  EXPECT_EQ(Fault::kRequest, error.fault);
  EXPECT_EQ(403, error.status);
  EXPECT_EQ("permission_error", error.type);
  EXPECT_EQ("not a member", error.message);
}

TEST_F(WatsonxRequest, ADeploymentNamesNeitherModelNorProject) {
  make(Endpoint::kChat);
  harness_->provider().options.clear();
  option("auth", "bearer");
  harness_->model("deployment/my-dep_1");
  const HeaderField field[] = {{"x-ibm-project-id", "theirs"}};
  const std::string sent = sent_with(field);
  EXPECT_TRUE(sent.starts_with(
      "POST /ml/v1/deployments/my-dep_1/text/chat?version=2025-02-11 HTTP/1.1\r\n"))
      << sent;
  EXPECT_FALSE(holds(sent, "model")) << sent;
  EXPECT_FALSE(holds(sent, "project_id"));
}

TEST_F(WatsonxRequest, ADeploymentDoesNotEmbed) {
  make(Endpoint::kEmbeddings);
  harness_->model("deployment/d");
  ASSERT_TRUE(harness_->begin(R"({"model":"m","input":"a"})"));
  EXPECT_TRUE(holds(harness_->sent(), "does not serve this endpoint"));
}

TEST_F(WatsonxRequest, ConfigurationsThatAreRefused) {
  EXPECT_EQ("data.api_version", refused("api_version", "latest"));
  EXPECT_EQ("data.auth_url", refused("auth_url", "iam.cloud.ibm.com"));
  EXPECT_EQ("data.project_id", refused("project_id", "a\nb"));
  EXPECT_EQ("options.auth", refused("auth", "magic"));
  EXPECT_EQ("options", refused("auth", "cpd"));
  EXPECT_EQ("options", refused("no_such_option", "1"));
  EXPECT_EQ("options.default_max_tokens", refused("default_max_tokens", "-1"));
  EXPECT_EQ("", refused("default_max_tokens", "none"));
  make(Endpoint::kChat);
  harness_->model("deployment/a/b");
  EXPECT_FALSE(harness_->begin(kChat));
  make(Endpoint::kChat);
  harness_->provider().options.pop_back();
  EXPECT_FALSE(harness_->begin(kChat));
  EXPECT_EQ("data", harness_->refusal().param);
}

TEST_F(WatsonxRequest, SeveralPromptsAreSeveralCalls) {
  make(Endpoint::kCompletions);
  ASSERT_TRUE(harness_->begin(R"({"model":"m","prompt":["one","t\"wo"],"max_tokens":3})"));
  Step step;
  ASSERT_TRUE(harness_->next(&step).has_value());
  ASSERT_EQ(StepKind::kFanOut, step.kind);
  ASSERT_EQ(2u, step.count);
  const std::string_view wanted[] = {R"("input":"one",)", R"("input":"t\"wo",)"};
  for (uint32_t part = 0; part < 2; ++part) {
    harness_->call().part = part;
    Step send;
    ASSERT_TRUE(harness_->next(&send).has_value());
    ASSERT_EQ(StepKind::kSend, send.kind);
    EXPECT_TRUE(holds(flat(send.request.body), wanted[part])) << flat(send.request.body);
  }
  const Padded first(R"({"model_id":"x","results":[{"generated_text":"A","generated_token_count":1,
    "input_token_count":2,"stop_reason":"eos_token"}]})");
  const Padded second(R"({"model_id":"x","results":[{"generated_text":"B","generated_token_count":3,
    "input_token_count":4,"stop_reason":"max_tokens"}]})");
  Reply replies[2];
  replies[0].body = first.view();
  replies[1].body = second.view();
  harness_->call().parts = replies;
  SliceList out;
  StreamFacts facts;
  ASSERT_TRUE(harness_->adapter().transform_response(harness_->call(), replies[0], &out, &facts));
  const std::string answer = flat(out);
  EXPECT_TRUE(holds(answer, R"({"text":"A","index":0,"logprobs":null,"finish_reason":"stop"},)"
                            R"({"text":"B","index":1,"logprobs":null,"finish_reason":"length"})"))
      << answer;
  EXPECT_EQ(6, facts.usage.prompt_tokens);
  EXPECT_EQ(4, facts.usage.completion_tokens);
}

TEST_F(WatsonxRequest, ManyInputsAreSplitInOrder) {
  make(Endpoint::kEmbeddings);
  std::string body = R"({"model":"m","input":[)";
  for (int i = 0; i < 2001; ++i) body += (i == 0 ? "\"" : ",\"") + std::to_string(i) + "\"";
  ASSERT_TRUE(harness_->begin(body + "]}"));
  Step step;
  ASSERT_TRUE(harness_->next(&step).has_value());
  ASSERT_EQ(StepKind::kFanOut, step.kind);
  ASSERT_EQ(3u, step.count);
  harness_->call().part = 1;
  ASSERT_TRUE(harness_->next(&step).has_value());
  const std::string middle = flat(step.request.body);
  EXPECT_TRUE(holds(middle, R"("inputs":["1000","1001",)")) << middle.substr(0, 100);
  EXPECT_TRUE(middle.ends_with(R"("1998","1999"]})"));
  harness_->call().part = 2;
  ASSERT_TRUE(harness_->next(&step).has_value());
  EXPECT_TRUE(flat(step.request.body).ends_with(R"("inputs":["2000"]})"));
}

TEST_F(WatsonxRequest, PagesOfTheModelList) {
  make(Endpoint::kChat);
  harness_->provider().options[0].second = "iam";
  const Adapter& adapter = harness_->adapter();
  ListRequest request;
  ASSERT_TRUE(adapter.list_request({harness_->provider(), 0, "tok", ""}, &request).has_value());
  EXPECT_TRUE(request.head.starts_with(
      "GET /ml/v1/foundation_model_specs?version=2025-02-11&limit=200 HTTP/1.1\r\nHost: "))
      << request.head;
  EXPECT_TRUE(request.head.ends_with("Authorization: Bearer tok\r\n"));
  Arena arena;
  std::array<ModelName, 4> names;
  std::string_view cursor;
  const std::string_view page =
      R"({"next":{"href":"https://elsewhere/x?limit=200\u0026start=g1.~A&version=1"},)"
      R"("resources":[{"model_id":"a/b","provider":"P"}]})";
  ASSERT_EQ(1u, adapter.list_models(page, arena, names, &cursor).value_or(0));
  ASSERT_EQ("g1.~A", cursor);
  ASSERT_TRUE(adapter.list_request({harness_->provider(), 0, "", cursor}, &request).has_value());
  EXPECT_TRUE(holds(request.head, "&limit=200&start=g1.~A HTTP/1.1\r\n"));
  EXPECT_FALSE(holds(request.head, "Authorization"));
}

TEST_F(WatsonxRequest, ACursorThatWouldEndTheLineIsNone) {
  make(Endpoint::kChat);
  Arena arena;
  std::array<ModelName, 4> names;
  std::string_view cursor = "old";
  const std::string_view page = R"({"next":{"href":"?start=a\r\nX: y"},"resources":[]})";
  ASSERT_TRUE(harness_->adapter().list_models(page, arena, names, &cursor).has_value());
  EXPECT_EQ("", cursor);
}

}  // namespace
}  // namespace weir::test
