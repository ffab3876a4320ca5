#include "json/reply_scan.h"

#include <gtest/gtest.h>

#include "json_cases.h"

namespace weir {
namespace {

using testing::Padded;

struct Scan {
  explicit Scan(std::string_view reply)
      : text(reply), result(scanner.scan(text.view(), &view)) {}
  [[nodiscard]] bool ok() const { return result.has_value(); }

  Padded text;
  ReplyScanner scanner;
  ReplyView view;
  Result<void> result;
};

TEST(ReplyScan, ReadsAWholeReply) {
  const Scan scan(
      "{\"model\":\"m-1\",\"choices\":[{\"index\":0,\"message\":{\"content\":\"ab\\n\"},"
      "\"finish_reason\":\"stop\"},{\"index\":2,\"finish_reason\":null}],\"usage\": "
      "{\"prompt_tokens\":5,\"completion_tokens\":0,\"prompt_tokens_details\":"
      "{\"cached_tokens\":4},\"completion_tokens_details\":{\"reasoning_tokens\":3}} }");
  ASSERT_TRUE(scan.ok());
  const ReplyView& view = scan.view;
  EXPECT_TRUE(view.is_object);
  EXPECT_TRUE(view.has_choices);
  EXPECT_FALSE(view.choices_empty);
  EXPECT_FALSE(view.has_error);
  EXPECT_EQ(view.choice_count, 2U);
  EXPECT_EQ(view.finished_choices, 1U);
  EXPECT_EQ(view.finished_mask, 1U);
  EXPECT_EQ(view.seen_mask, 5U);
  EXPECT_EQ(view.delta_text_bytes, 3U);
  EXPECT_EQ(view.model, "m-1");
  ASSERT_TRUE(view.has_usage);
  EXPECT_EQ(view.usage.source, UsageSource::kProvider);
  EXPECT_EQ(view.usage.prompt_tokens, 5);
  EXPECT_EQ(view.usage.completion_tokens, 0);
  EXPECT_EQ(view.usage.total_tokens, -1);
  EXPECT_EQ(view.usage.cached_tokens, 4);
  EXPECT_EQ(view.usage.reasoning_tokens, 3);
}

TEST(ReplyScan, CountsTheTextOfADelta) {
  const auto bytes = [](std::string_view choice) {
    return Scan("{\"choices\":[" + std::string(choice) + "]}").view.delta_text_bytes;
  };
  EXPECT_EQ(bytes("{\"delta\":{\"role\":\"assistant\",\"content\":\"abc\"}}"), 3U);
  EXPECT_EQ(bytes("{\"delta\":{\"content\":null,\"reasoning\":\"ab\"}}"), 2U);
  EXPECT_EQ(bytes("{\"delta\":{\"reasoning_content\":\"\\u6f22\"}}"), 3U);
  EXPECT_EQ(bytes("{\"text\":\"abcd\"}"), 4U);
  EXPECT_EQ(bytes("{\"delta\":{\"tool_calls\":[{\"index\":0,\"function\":{\"name\":\"f\","
                  "\"arguments\":\"{\\\"a\"}}]}}"), 3U);
  EXPECT_EQ(bytes("{\"delta\":{\"function_call\":{\"arguments\":\"x\"}}}"), 1U);
  EXPECT_EQ(bytes("{\"delta\":[]},5,null"), 0U);
}

TEST(ReplyScan, CountsTheLastOfTwoListsOfChoices) {
  const Scan scan(
      "{\"choices\":[{\"finish_reason\":\"stop\"},{\"finish_reason\":\"stop\"}],"
      "\"choices\":[{\"index\":3,\"finish_reason\":\"stop\"}]}");
  ASSERT_TRUE(scan.ok());
  EXPECT_EQ(scan.view.choice_count, 1U);
  EXPECT_EQ(scan.view.finished_choices, 1U);
  EXPECT_EQ(scan.view.finished_mask, 8U);
  EXPECT_EQ(scan.view.seen_mask, 8U);
}

TEST(ReplyScan, TakesChoicesAsTheyCome) {
  EXPECT_TRUE(Scan("{\"choices\":[]}").view.choices_empty);
  EXPECT_FALSE(Scan("{\"choices\":null}").view.has_choices);
  EXPECT_FALSE(Scan("{\"choices\":null}").view.choices_empty);
  const Scan unnumbered("{\"choices\":[{\"finish_reason\":\"\"},{\"finish_reason\":\"stop\"}]}");
  EXPECT_EQ(unnumbered.view.seen_mask, 3U);
  EXPECT_EQ(unnumbered.view.finished_mask, 2U);
  const Scan high("{\"choices\":[{\"index\":64,\"finish_reason\":\"stop\"},{\"index\":63}]}");
  EXPECT_EQ(high.view.seen_mask, uint64_t{1} << 63);
  EXPECT_EQ(high.view.finished_choices, 1U);
  EXPECT_EQ(high.view.finished_mask, 0U);
  EXPECT_TRUE(Scan("{\"data\":[]}").view.has_data);
  EXPECT_TRUE(Scan("{\"cho\\u0069ces\":[1]}").view.has_choices);
}

// Goal: a name is known only as a whole, escapes or not. Method: names that begin, end or, with a
// quote in them, seem to end like the known one.
TEST(ReplyScan, KnowsNamesOnlyAsAWhole) {
  const auto model = [](std::string_view name) {
    return std::string(Scan("{\"" + std::string(name) + "\":\"m\"}").view.model);
  };
  EXPECT_EQ(model("model"), "m");
  EXPECT_EQ(model("m\\u006fdel"), "m");
  EXPECT_EQ(model("\\u006d\\u006f\\u0064\\u0065\\u006c"), "m");
  for (const std::string_view name :
       {"mode", "models", "Model", "", "m", "model\\\"", "model\\u0022", "m\\u006fdel\\\"x",
        "\\\"model", "model\\u0000", "model ", "\\\\model"}) {
    EXPECT_EQ(model(name), "") << name;
  }
  for (const std::string_view count : {"00", "01", "1a", "1.", "", "-", "1 2"}) {
    EXPECT_FALSE(Scan("{\"usage\":{\"total_tokens\":" + std::string(count) + "}}").ok()) << count;
  }
  const Scan counts(
      "{\"usage\":{\"prompt_tokens_\":1,\"prompt_token\":2,\"total_tokens\" : 0 ,"
      "\"completion_tokens\":1234567890123 }}");
  ASSERT_TRUE(counts.ok());
  EXPECT_EQ(counts.view.usage.prompt_tokens, -1);
  EXPECT_EQ(counts.view.usage.total_tokens, 0);
  EXPECT_EQ(counts.view.usage.completion_tokens, 1234567890123);
}

TEST(ReplyScan, UsageThatIsNoCountIsAbsent) {
  EXPECT_FALSE(Scan("{\"usage\":null}").view.has_usage);
  const Scan odd("{\"usage\":{\"prompt_tokens\":null,\"completion_tokens\":1.5,"
                 "\"total_tokens\":-3,\"prompt_tokens_details\":null,\"cached_tokens\":8}}");
  ASSERT_TRUE(odd.view.has_usage);
  EXPECT_EQ(odd.view.usage.prompt_tokens, -1);
  EXPECT_EQ(odd.view.usage.completion_tokens, -1);
  EXPECT_EQ(odd.view.usage.total_tokens, -1);
  EXPECT_EQ(odd.view.usage.cached_tokens, 8);
  EXPECT_EQ(odd.view.usage.source, UsageSource::kNone);
}

TEST(ReplyScan, ReadsErrorsOfEveryForm) {
  struct Case {
    std::string_view text, message, type, code, param;
    int status;
    bool error;
  };
  const Case cases[] = {
      {"{\"error\":{\"message\":\"a\\\"b\",\"type\":\"t\",\"param\":\"p\",\"code\":\"c\"}}", "a\"b",
       "t", "c", "p", 0, true},
      {"{\"error\":{\"message\":\"m\",\"code\":429,\"status\":\"X\"}}", "m", "", "429", "", 429,
       true},
      {"{\"error\":{\"message\":\"m\",\"code\":7,\"status\":503}}", "m", "", "7", "", 503, true},
      {"{\"error\":\"text\",\"status_code\":404}", "text", "", "", "", 404, true},
      {"{\"object\":\"error\",\"message\":\"v\",\"type\":\"B\",\"param\":null,\"code\":400}", "v",
       "B", "400", "", 400, true},
      {"{\"message\":\"only\"}", "only", "", "", "", 0, false},
      {"{\"errors\":[{\"message\":\"e1\"},{\"message\":\"e2\"}]}", "e1", "", "", "", 0, false},
      {"{\"errorMessage\":\"em\"}", "em", "", "", "", 0, false},
      {"{\"detail\":\"d\",\"title\":\"t\"}", "d", "", "", "", 0, false},
      {"{\"detail\":[{\"loc\":[1],\"msg\":\"field required\"}]}", "field required", "", "", "", 0,
       false},
      {"{\"title\":\"t\",\"status\":599}", "t", "", "", "", 599, false},
      {"{\"error\":null,\"choices\":[]}", "", "", "", "", 0, false},
      {"{\"error\":false}", "", "", "", "", 0, false},
      {"{\"error\":{}}", "", "", "", "", 0, true},
      {"{\"error\":[1]}", "", "", "", "", 0, true},
      {"[{\"error\":{\"message\":\"in a list\",\"code\":400}},{\"error\":1}]", "in a list", "",
       "400", "", 400, true},
  };
  for (const Case& c : cases) {
    const Scan scan(c.text);
    ASSERT_TRUE(scan.ok()) << c.text;
    EXPECT_EQ(scan.view.has_error, c.error) << c.text;
    EXPECT_EQ(scan.view.error_message, c.message) << c.text;
    EXPECT_EQ(scan.view.error_type, c.type) << c.text;
    EXPECT_EQ(scan.view.error_code, c.code) << c.text;
    EXPECT_EQ(scan.view.error_param, c.param) << c.text;
    EXPECT_EQ(scan.view.error_status, c.status) << c.text;
  }
}

TEST(ReplyScan, PrefersTheMoreSpecificMessage) {
  const Scan scan(
      "{\"title\":\"5\",\"detail\":\"4\",\"message\":\"2\",\"error\":{\"message\":\"1\"}}");
  EXPECT_EQ(scan.view.error_message, "1");
  EXPECT_EQ(Scan("{\"title\":\"5\",\"detail\":\"4\",\"message\":\"2\"}").view.error_message, "2");
}

TEST(ReplyScan, RefusesWhatIsNotJson) {
  for (const std::string_view text : {"", "<html>", "{\"a\":1", "{}x", "[DONE]", "{\"a\":\"\\x\"}",
                                      "{\"choices\":[{\"delta\":{\"content\":}}]}", "{\"a\":01}"}) {
    const Scan scan(text);
    ASSERT_FALSE(scan.ok()) << text;
    EXPECT_EQ(scan.result.error().code, Errc::kInvalidJson);
  }
  EXPECT_FALSE(Scan("12").view.is_object);
  EXPECT_FALSE(Scan("[]").view.is_object);
}

// Words with a meaning at random places never break the walk: it accepts exactly what is JSON.
TEST(ReplyScan, AcceptsExactlyWhatIsJson) {
  const uint64_t seed = testing::test_seed();
  SCOPED_TRACE(seed);
  testing::RandomJson random(seed);
  static constexpr std::string_view kKeys[] = {
      "choices", "delta", "tool_calls", "function", "usage", "prompt_tokens_details", "error",
      "errors",  "detail", "message",   "index",    "finish_reason", "code", "data", "object"};
  const auto document = [&](auto& self, int depth) -> std::string {
    if (depth == 6) return random.scalar();
    const bool list = random.below(3) == 0;
    std::string text = list ? "[" : "{";
    for (size_t i = 0, count = random.below(4); i < count; ++i) {
      if (i > 0) text += ",";
      if (!list) text.append("\"").append(random.pick(kKeys)).append("\":");
      text += random.below(4) == 0 ? random.scalar() : self(self, depth + 1);
    }
    return text + (list ? "]" : "}");
  };
  for (int i = 0; i < 6000; ++i) {
    std::string text = document(document, 0);
    if (i % 2 == 1) text = random.mutate(text);
    ASSERT_EQ(Scan(text).ok(), testing::reference_valid(text)) << text;
  }
}

}  // namespace
}  // namespace weir
