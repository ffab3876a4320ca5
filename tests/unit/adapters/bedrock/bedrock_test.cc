// Goal: the steps of an attempt: one more signature for a clock that is wrong, several requests for
// a list of texts, and heads for the two hosts.
#include "adapters/bedrock/bedrock.h"

#include "adapters/common/json_walk.h"
#include "tests/unit/adapters/harness.h"

namespace weir::test {
namespace {

constexpr std::string_view kChat = R"({"model":"m","messages":[{"role":"user","content":"Hi"}]})";

void keys_set(Provider* provider) {
  provider->credential.clear();
  provider->options = {
      {"access_key_id", "AKIDTEST"}, {"secret_access_key", "test-secret"}, {"region", "eu-west-1"}};
}

std::unique_ptr<Harness> harness_make(Endpoint endpoint, std::string_view model,
                                      std::string_view body) {
  auto harness = std::make_unique<Harness>("bedrock", endpoint);
  keys_set(&harness->provider());
  harness->model(model);
  EXPECT_TRUE(harness->begin(body)) << harness->refusal().message;
  return harness;
}

std::string field_of(std::string_view head, std::string_view name) {
  const size_t at = head.find("\r\n" + std::string(name) + ": ");
  if (at == head.npos) return {};
  const size_t begin = at + name.size() + 4;
  return std::string(head.substr(begin, head.find("\r\n", begin) - begin));
}

Reply refusal(std::string_view body, const std::vector<HeaderField>& fields) {
  Reply reply;
  reply.status = 403;
  reply.body = body;
  reply.fields = fields;
  return reply;
}

TEST(Bedrock, WrongClockIsSignedOnceMore) {
  const auto harness = harness_make(Endpoint::kChat, "amazon.nova-lite-v1:0", kChat);
  Step step;
  ASSERT_TRUE(harness->next(&step).has_value());
  const std::string first(step.request.head);
  EXPECT_EQ("20231114T221320Z", field_of(first, "X-Amz-Date"));
  // An hour ahead of ours.
  const std::vector<HeaderField> fields = {{"Date", "Tue, 14 Nov 2023 23:13:20 GMT"},
                                           {"x-amzn-ErrorType", "InvalidSignatureException:x"}};
  const Padded body(R"({"message":"Signature expired"})");
  const Reply reply = refusal(body.view(), fields);
  const auto inspect = harness->adapter().inspect;
  ASSERT_TRUE(inspect(harness->call(), reply));
  harness->call().reply = &reply;
  ASSERT_TRUE(harness->next(&step).has_value());
  EXPECT_EQ(StepKind::kSend, step.kind);
  EXPECT_EQ("20231114T231320Z", field_of(step.request.head, "X-Amz-Date"));
  EXPECT_NE(field_of(first, "Authorization"), field_of(step.request.head, "Authorization"));
  // Once is all there is.
  EXPECT_FALSE(inspect(harness->call(), reply));
}

TEST(Bedrock, OtherRefusalsAreNotSignedAgain) {
  const auto harness = harness_make(Endpoint::kChat, "amazon.nova-lite-v1:0", kChat);
  const auto inspect = harness->adapter().inspect;
  const auto asks = [&](std::string_view date, std::string_view type) {
    std::vector<HeaderField> fields = {{"date", date}};
    if (!type.empty()) fields.push_back({"x-amzn-errortype", type});
    return inspect(harness->call(), refusal({}, fields));
  };
  constexpr std::string_view kLate = "Tue, 14 Nov 2023 23:13:20 GMT";
  EXPECT_FALSE(asks(kLate, "AccessDeniedException"));
  EXPECT_FALSE(asks("Tue, 14 Nov 2023 22:13:50 GMT", "InvalidSignatureException"));
  EXPECT_FALSE(asks("", "InvalidSignatureException"));
  EXPECT_TRUE(asks(kLate, "RequestTimeTooSkewed"));
  // Without a name in the head the body is read, and says that it is something else.
  ASSERT_TRUE(asks(kLate, ""));
  const Padded body(R"({"__type":"x#AccessDeniedException","message":"no"})");
  const std::vector<HeaderField> fields = {{"date", kLate}};
  const Reply reply = refusal(body.view(), fields);
  harness->call().reply = &reply;
  Step step;
  ASSERT_TRUE(harness->next(&step).has_value());
  EXPECT_EQ(StepKind::kFail, step.kind);
  EXPECT_EQ(Errc::kUpstreamAuth, step.error.code);
}

TEST(Bedrock, ErrorTypeFieldGoesBeforeTheStatus) {
  const auto harness = harness_make(Endpoint::kChat, "amazon.nova-lite-v1:0", kChat);
  Reply reply;
  reply.status = 400;
  const std::vector<HeaderField> fields = {
      {"x-amzn-errortype", "ThrottlingException:http://internal.example/coral/"}};
  reply.fields = fields;
  const UpstreamError error = harness->error(reply, R"({"message":"slow down"})");
  EXPECT_EQ(Fault::kRateLimit, error.fault);
  EXPECT_EQ(429, error.status);
  EXPECT_EQ("slow down", error.message);
}

TEST(Bedrock, RequestIdNamesTheAnswer) {
  const auto harness = harness_make(Endpoint::kChat, "amazon.nova-lite-v1:0", kChat);
  const Padded body(R"({"output":{"message":{"content":[{"text":"a"}]}},"stopReason":"end_turn"})");
  Reply reply;
  reply.status = 200;
  reply.body = body.view();
  const std::vector<HeaderField> fields = {{"x-amzn-RequestId", "0a-1b"}};
  reply.fields = fields;
  SliceList out;
  StreamFacts facts;
  ASSERT_TRUE(harness->adapter().transform_response(harness->call(), reply, &out, &facts));
  EXPECT_EQ("\"chatcmpl-0a-1b\"", json_member(flat(out), "id"));
}

TEST(Bedrock, TitanTakesOneTextPerRequest) {
  const auto harness = harness_make(Endpoint::kEmbeddings, "amazon.titan-embed-text-v2:0",
                                    R"({"model":"m","input":["One","Two","Three"]})");
  Step step;
  ASSERT_TRUE(harness->next(&step).has_value());
  ASSERT_EQ(StepKind::kFanOut, step.kind);
  ASSERT_EQ(3u, step.count);
  std::vector<Reply> replies(3);
  std::vector<std::unique_ptr<Padded>> bodies;
  for (uint32_t part = 0; part < 3; ++part) {
    harness->call().part = part;
    step = Step{};
    ASSERT_TRUE(harness->next(&step).has_value());
    ASSERT_EQ(StepKind::kSend, step.kind);
    constexpr std::string_view kTexts[] = {"One", "Two", "Three"};
    EXPECT_EQ("{\"inputText\":\"" + std::string(kTexts[part]) + "\"}", flat(step.request.body));
    EXPECT_FALSE(field_of(step.request.head, "Authorization").empty());
    bodies.push_back(std::make_unique<Padded>("{\"embedding\":[" + std::to_string(part) +
                                              ",0.5],\"inputTextTokenCount\":2}"));
    replies[part].status = 200;
    replies[part].body = bodies.back()->view();
  }
  harness->call().parts = replies;
  SliceList out;
  StreamFacts facts;
  const auto transform = harness->adapter().transform_response;
  ASSERT_TRUE(transform(harness->call(), replies[2], &out, &facts).has_value());
  const std::string answer = flat(out);
  JsonElements entries(json_member(answer, "data"));
  for (const std::string_view wanted : {"[0,0.5]", "[1,0.5]", "[2,0.5]"}) {
    ASSERT_TRUE(entries.next());
    EXPECT_EQ(wanted, json_member(entries.value(), "embedding"));
  }
  EXPECT_EQ(6, facts.usage.total_tokens);
  // One vector too few is no answer.
  harness->call().parts = std::span(replies).first(2);
  EXPECT_FALSE(transform(harness->call(), replies[1], &out, &facts).has_value());
}

TEST(Bedrock, CohereTakesManyTextsPerRequest) {
  std::string body = R"({"model":"m","input":[)";
  for (int i = 0; i < 100; ++i) body += (i == 0 ? "\"t" : ",\"t") + std::to_string(i) + "\"";
  const auto harness = harness_make(Endpoint::kEmbeddings, "cohere.embed-english-v3", body + "]}");
  Step step;
  ASSERT_TRUE(harness->next(&step).has_value());
  ASSERT_EQ(StepKind::kFanOut, step.kind);
  EXPECT_EQ(2u, step.count);
  harness->call().part = 1;
  ASSERT_TRUE(harness->next(&step).has_value());
  EXPECT_EQ(R"({"texts":["t96","t97","t98","t99"],"input_type":"search_query"})",
            flat(step.request.body));
}

TEST(Bedrock, EachKindOfModelServesItsEndpoint) {
  Harness chat("bedrock", Endpoint::kChat);
  chat.model("amazon.titan-embed-text-v2:0");
  ASSERT_TRUE(chat.begin(kChat));
  Step step;
  EXPECT_EQ(Errc::kUnsupportedEndpoint, chat.next(&step).error().code);
}

TEST(Bedrock, ModelListOfTheOtherHost) {
  const Adapter& adapter = kBedrockAdapter;
  Provider provider;
  keys_set(&provider);
  provider.tls = true;
  provider.host = "bedrock-runtime.eu-west-1.amazonaws.com";
  provider.authority = provider.host;
  EXPECT_EQ("https://bedrock.eu-west-1.amazonaws.com", adapter.second_url(provider));
  ListRequest request;
  ASSERT_TRUE(adapter.list_request({provider, 1'700'000'000'000, {}, {}}, &request).has_value());
  EXPECT_TRUE(request.second_place);
  EXPECT_TRUE(
      request.head.starts_with("GET /foundation-models HTTP/1.1\r\n"
                               "Host: bedrock.eu-west-1.amazonaws.com\r\n"));
  const std::string first = field_of(request.head, "Authorization");
  EXPECT_NE(std::string::npos, first.find("SignedHeaders=host;x-amz-date, "));
  ASSERT_TRUE(adapter.list_request({provider, 1'700'000'000'000, {}, "profiles:a/b"}, &request));
  EXPECT_NE(std::string::npos, request.head.find("&nextToken=a%2Fb HTTP/1.1"));
  EXPECT_NE(first, field_of(request.head, "Authorization"));
}

TEST(Bedrock, ModelListOfAnOwnAddress) {
  const Adapter& adapter = kBedrockAdapter;
  Provider provider;
  provider.credential = "bearer-key";
  provider.host = "127.0.0.1";
  provider.authority = "127.0.0.1:8080";
  provider.base_path = "/aws";
  EXPECT_EQ("", adapter.second_url(provider));
  ListRequest request;
  ASSERT_TRUE(adapter.list_request({provider, 0, {}, {}}, &request).has_value());
  EXPECT_FALSE(request.second_place);
  EXPECT_TRUE(
      request.head.starts_with("GET /aws/foundation-models HTTP/1.1\r\n"
                               "Host: 127.0.0.1:8080\r\n"));
  EXPECT_EQ("Bearer bearer-key", field_of(request.head, "Authorization"));
}

}  // namespace
}  // namespace weir::test
