// The common OpenAI form: heads, errors, events, dates; what the golden cases do not show.
#include "adapters/common/openai_shape.h"
#include "adapters/common/json_walk.h"
#include "adapters/common/openai_family.h"
#include "adapters/common/retry_after.h"
#include "tests/unit/adapters/harness.h"

namespace weir::test {
namespace {

TEST(Registry, FindsByTypeName) {
  for (const Adapter* adapter : adapter_registry()) {
    EXPECT_EQ(adapter, adapter_find(adapter->name));
    EXPECT_EQ(sizeof(Adapter), adapter->size);
  }
  EXPECT_NE(nullptr, adapter_find("openai-compatible"));
  EXPECT_EQ(nullptr, adapter_find("openai_compatible"));
  EXPECT_EQ(nullptr, adapter_find(""));
  EXPECT_TRUE(adapter_find("loopback")->local);
}

TEST(OpenaiPrepare, RefusesBytesThatEndALine) {
  const auto refused = [](auto change) {
    Harness harness("openai", Endpoint::kChat);
    change(harness.provider());
    return !harness.begin(R"({"model":"m","messages":[]})") &&
           harness.refusal().code == Errc::kConfig;
  };
  EXPECT_TRUE(refused([](Provider& p) { p.credential = "a\r\nX: y"; }));
  EXPECT_TRUE(refused([](Provider& p) { p.base_path = "/v1 HTTP/1.1\r\n"; }));
  EXPECT_TRUE(refused([](Provider& p) { p.authority = "a\nb"; }));
  EXPECT_TRUE(refused([](Provider& p) { p.authority = ""; }));
  EXPECT_TRUE(refused([](Provider& p) { p.headers.emplace_back("A", "b\rc"); }));
  EXPECT_TRUE(refused([](Provider& p) { p.headers.emplace_back("A b", "c"); }));
  EXPECT_TRUE(refused([](Provider& p) { p.headers.emplace_back("Content-LENGTH", "5"); }));
  EXPECT_FALSE(refused([](Provider& p) { p.headers.emplace_back("X-A", "b c"); }));
}

TEST(OpenaiPrepare, UsersFieldReplacesOurs) {
  Harness harness("openai", Endpoint::kChat);
  harness.provider().headers.emplace_back("authorization", "Basic abc");
  ASSERT_TRUE(harness.begin(R"({"model":"m","messages":[]})"));
  const std::string sent = harness.sent();
  EXPECT_EQ(std::string::npos, sent.find("Bearer"));
  EXPECT_NE(std::string::npos, sent.find("authorization: Basic abc\r\n"));
  EXPECT_EQ(0u, sent.find("POST /v1/chat/completions HTTP/1.1\r\nHost: api.example\r\n"));
}

TEST(OpenaiNext, NullStreamOptionsBecomeOurs) {
  Harness harness("openai", Endpoint::kChat);
  ASSERT_TRUE(harness.begin(R"({"model":"m","stream_options":null,"stream":true,"messages":[]})"));
  const std::string sent = harness.sent();
  EXPECT_NE(std::string::npos, sent.find(R"("stream_options":{"include_usage":true},"stream")"));
}

TEST(OpenaiNext, EndpointWithoutHeadIsRefused) {
  Harness harness("openai", Endpoint::kChat);
  ASSERT_TRUE(harness.begin(R"({"model":"m","messages":[]})"));
  harness.call().endpoint = Endpoint::kEmbeddings;
  Step step;
  const auto done = harness.next(&step);
  ASSERT_FALSE(done.has_value());
  EXPECT_EQ(Errc::kUnsupportedEndpoint, done.error().code);
}

TEST(Openai, ReasoningFamilies) {
  for (const char* name : {"o1", "o1-mini", "o3-2025-04-16", "o4-mini", "gpt-5", "gpt-5.1-chat",
                           "ft:o4-mini:org::1"}) {
    EXPECT_TRUE(openai_is_reasoning_model(name)) << name;
  }
  for (const char* name : {"gpt-4o", "o10", "gpt-50", "omni", "", "ft:gpt-4o:x"}) {
    EXPECT_FALSE(openai_is_reasoning_model(name)) << name;
  }
}

TEST(OpenaiError, StatusTable) {
  struct Row {
    int sent;
    Fault fault;
    int seen;
  };
  Harness harness("openai", Endpoint::kChat);
  ASSERT_TRUE(harness.begin(R"({"model":"m","messages":[]})"));
  for (const Row& row :
       {Row{500, Fault::kTarget, 502}, Row{502, Fault::kTarget, 502}, Row{503, Fault::kTarget, 503},
        Row{504, Fault::kTarget, 504}, Row{408, Fault::kTarget, 504}, Row{424, Fault::kTarget, 502},
        Row{529, Fault::kTarget, 503}, Row{599, Fault::kTarget, 502}, Row{301, Fault::kTarget, 502},
        Row{429, Fault::kRateLimit, 429}, Row{401, Fault::kCredential, 502},
        Row{402, Fault::kCredential, 502}, Row{403, Fault::kCredential, 502},
        Row{400, Fault::kRequest, 400}, Row{404, Fault::kRequest, 404},
        Row{409, Fault::kRequest, 409}, Row{413, Fault::kRequest, 413},
        Row{422, Fault::kRequest, 422}}) {
    Reply reply;
    reply.status = row.sent;
    const UpstreamError error = harness.error(reply, R"({"error":{"message":"m"}})");
    EXPECT_EQ(row.fault, error.fault) << row.sent;
    EXPECT_EQ(row.seen, error.status) << row.sent;
    EXPECT_EQ(row.sent != 424, error.suspend) << row.sent;
  }
}

TEST(OpenaiError, NoPartOfAKeyComesThrough) {
  Arena arena;
  const std::string_view key = "Zq9-credential-value";
  for (const char* text :
       {"key Zq9-credential-value is bad", "xZq9-credential-valuey", "Zq9-cr**** is bad",
        "got Zq9-credential.", "\"sk-live12345\" no", "Bearer:Zq9-credential-value"}) {
    const std::string shown(message_clean(text, key, 500, arena));
    EXPECT_EQ(std::string::npos, shown.find("Zq9-cr")) << shown;
    EXPECT_EQ(std::string::npos, shown.find("sk-live")) << shown;
    EXPECT_NE(std::string::npos, shown.find("[redacted]")) << shown;
  }
  EXPECT_EQ("a task-force met", message_clean("a task-force\tmet\n", key, 500, arena));
  // A cut never leaves half a character.
  EXPECT_EQ("ab", message_clean("ab\xc3\xa9", key, 3, arena));
}

TEST(RetryAfter, FormsOfTheField) {
  const auto read = [](std::string_view seconds, std::string_view ms) {
    Reply reply;
    reply.retry_after = seconds;
    reply.retry_after_ms = ms;
    return retry_after_read(reply, 784111777'000 - 5'000);
  };
  EXPECT_EQ(-1, read("", ""));
  EXPECT_EQ(7000, read("7", ""));
  EXPECT_EQ(1500, read("7", "1500"));
  EXPECT_EQ(250, read("0.25", "x"));
  EXPECT_EQ(-1, read("-3", ""));
  EXPECT_EQ(-1, read("soon", ""));
  EXPECT_EQ(kMaxRetryAfterMs, read("99999999999999", ""));
  EXPECT_EQ(5000, read("Sun, 06 Nov 1994 08:49:37 GMT", ""));
  EXPECT_EQ(5000, read("Sunday, 06-Nov-94 08:49:37 GMT", ""));
  EXPECT_EQ(5000, read("Sun Nov  6 08:49:37 1994", ""));
  EXPECT_EQ(0, read("Sat, 05 Nov 1994 08:49:37 GMT", ""));
  EXPECT_EQ(-1, read("Sun, 06 Nov 1994 25:49:37 GMT", ""));
}

EventVerdict observe(std::string_view event, StreamFacts* facts, bool asked = false) {
  return openai_observe_event(event, asked, facts);
}

TEST(OpenaiEvents, VerdictsAndFacts) {
  StreamFacts facts;
  EXPECT_EQ(EventVerdict::kQuiet, observe(": ping\n\n", &facts));
  EXPECT_EQ(EventVerdict::kForward, observe("data: no json\n\n", &facts));
  EXPECT_EQ(EventVerdict::kForward,
            observe("data: {\"choices\":[{\"index\":3,\"delta\":{\"content\":\"ab\\\"c\"},"
                    "\"finish_reason\":null}]}\n\n",
                    &facts));
  EXPECT_EQ(8u, facts.seen_choices);
  EXPECT_EQ(0u, facts.finished_choices);
  EXPECT_EQ(5u, facts.text_bytes);
  EXPECT_EQ(EventVerdict::kForward,
            observe("data: {\"choices\":[{\"delta\":{},\"finish_reason\" : \"stop\"},{\"delta\":{},"
                    "\"finish_reason\":\"\"}]}\r\n\r\n",
                    &facts));
  EXPECT_EQ(11u, facts.seen_choices);
  EXPECT_EQ(1u, facts.finished_choices);
  const std::string_view usage = "data:{\"choices\":[],\ndata:\"usage\":{\"total_tokens\":3}}\n\n";
  EXPECT_EQ(EventVerdict::kHide, observe(usage, &facts));
  EXPECT_EQ(EventVerdict::kForward, observe(usage, &facts, true));
  EXPECT_EQ(3, facts.usage.total_tokens);
  EXPECT_FALSE(facts.done);
  EXPECT_EQ(EventVerdict::kDone, observe("data:  [DONE] \n\n", &facts));
  EXPECT_TRUE(facts.done);
  EXPECT_EQ(EventVerdict::kForward, observe("data: {\"error\":null,\"choices\":[]}\n\n", &facts));
  EXPECT_FALSE(facts.error);
  EXPECT_EQ(EventVerdict::kError, observe("data: {\"error\":{\"message\":\"x\"}}\n\n", &facts));
  EXPECT_TRUE(facts.error);
}

TEST(OpenaiEvents, WordsInsideOfStringsMeanNothing) {
  StreamFacts facts;
  EXPECT_EQ(EventVerdict::kForward,
            observe("data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"\\\"error\\\":{},"
                    "\\\"finish_reason\\\":\\\"stop\\\"\"},\"finish_reason\":null}]}\n\n",
                    &facts));
  EXPECT_EQ(0u, facts.finished_choices);
  EXPECT_FALSE(facts.error);
}

TEST(JsonWalk, BrokenTextEndsTheWalk) {
  for (const std::string_view text : {"{", "{\"a\"", "{\"a\":", "{\"a\":\"b", "{\"a\":[1,{}",
                                      "{\"a\":1,,", "{,}", "{1:2}", "{\"a\" 1}"}) {
    const std::vector<char> exact(text.begin(), text.end());
    JsonMembers members({exact.data(), exact.size()});
    while (members.next()) {
    }
    EXPECT_TRUE(members.failed()) << text;
  }
  EXPECT_EQ("[1, \"]\"]", json_member(R"({"a":"}","b": [1, "]"] ,"c":0})", "b"));
  EXPECT_EQ("", json_member("[]", "a"));
  EXPECT_TRUE(json_is_empty_array("[ \n]"));
  EXPECT_FALSE(json_is_empty_array("[0]"));
}

TEST(JsonToChunks, AnswerWithoutChoicesIsRefused) {
  Harness harness("openai", Endpoint::kChat);
  ASSERT_TRUE(harness.begin(R"({"model":"m","stream":true,"messages":[]})"));
  SliceList out;
  StreamFacts facts;
  EXPECT_FALSE(json_to_chunks(harness.call(), R"({"data":[]})", &out, &facts).has_value());
  EXPECT_FALSE(json_to_chunks(harness.call(), R"({"choices":[{)", &out, &facts).has_value());
}

TEST(OpenaiModels, StopsAtTheEndOfTheSpan) {
  Arena arena;
  std::array<ModelName, 1> names{};
  std::string_view cursor = "of an earlier page";
  const auto count =
      openai_list_models(R"({"data":[{"id":"a"},{"id":"b"}]})", arena, std::span(names), &cursor);
  ASSERT_TRUE(count.has_value());
  EXPECT_EQ(1u, *count);
  EXPECT_TRUE(cursor.empty());
  EXPECT_FALSE(openai_list_models("<html>", arena, std::span(names), &cursor).has_value());
}

}  // namespace
}  // namespace weir::test
