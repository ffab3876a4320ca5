#include "json/request_scan.h"

#include <gtest/gtest.h>

#include <simdjson.h>

#include "json_cases.h"

namespace weir {
namespace {

using testing::Padded;
using testing::RandomJson;
using Validation = ScanOptions::Validation;

// A scanned text with everything its view borrows from.
struct Scan {
  explicit Scan(std::string_view text, ScanOptions options = {}, char filler = '}')
      : body(text, filler), result(scanner.scan(body.view(), options, &view)) {}
  [[nodiscard]] bool ok() const { return result.has_value(); }
  [[nodiscard]] Errc code() const { return result.error().code; }
  [[nodiscard]] std::string_view message() const { return result.error().message; }
  [[nodiscard]] std::string_view param() const { return result.error().param; }
  [[nodiscard]] std::string_view text(ByteRange r) const {
    return body.view().substr(r.begin, r.size());
  }

  Padded body;
  RequestScanner scanner;
  RequestView view;
  Result<void> result;
};

std::string with(std::string_view members) {
  return "{\"model\":\"m\"," + std::string(members) + "}";
}

void expect_field_error(std::string_view text, std::string_view param) {
  for (const Validation validation : {Validation::kFull, Validation::kTopLevel}) {
    const Scan scan(text, {.validation = validation});
    ASSERT_FALSE(scan.ok()) << text;
    EXPECT_EQ(scan.code(), Errc::kInvalidField) << text;
    EXPECT_EQ(scan.param(), param) << text;
    EXPECT_FALSE(scan.message().empty());
  }
}

TEST(RequestScan, FindsEveryFieldWithExactRanges) {
  const std::string text =
      " { \"model\" : \"gpt\" ,\"stream\":true, \"stream_options\" : {\"include_usage\": true} ,\n"
      "\"max_tokens\": 7 , \"max_completion_tokens\":9,\"messages\":[ {\"role\":\"user\"} ],"
      "\"prompt\":\"p\",\"input\":[1,2],\"n\":3,\"user\":\"u\\\"v\",\"tools\":[],"
      "\"parallel_tool_calls\":false,\"encoding_format\":\"float\",\"router\":{} ,"
      "\"cache\":{\"a\":1 }, \"temperature\" : 0.5 } ";
  const Scan scan(text);
  ASSERT_TRUE(scan.ok()) << scan.message();
  const RequestView& view = scan.view;
  EXPECT_EQ(view.member_count, 16U);
  EXPECT_EQ(scan.text(view.root), text.substr(1, text.size() - 2));
  EXPECT_EQ(view.model, "gpt");
  EXPECT_EQ(view.model.data(), scan.body.view().data() + text.find("gpt"));
  EXPECT_EQ(view.user, "u\\\"v");
  EXPECT_TRUE(view.stream);
  EXPECT_TRUE(view.include_usage);
  EXPECT_EQ(view.output_cap, 9);
  EXPECT_EQ(view.n, 3);
  const std::pair<Field, std::pair<std::string_view, std::string_view>> expected[] = {
      {Field::kModel, {"\"model\"", "\"gpt\""}},
      {Field::kStream, {"\"stream\"", "true"}},
      {Field::kStreamOptions, {"\"stream_options\"", "{\"include_usage\": true}"}},
      {Field::kMaxTokens, {"\"max_tokens\"", "7"}},
      {Field::kMaxCompletionTokens, {"\"max_completion_tokens\"", "9"}},
      {Field::kMessages, {"\"messages\"", "[ {\"role\":\"user\"} ]"}},
      {Field::kPrompt, {"\"prompt\"", "\"p\""}},
      {Field::kInput, {"\"input\"", "[1,2]"}},
      {Field::kN, {"\"n\"", "3"}},
      {Field::kUser, {"\"user\"", "\"u\\\"v\""}},
      {Field::kTools, {"\"tools\"", "[]"}},
      {Field::kParallelToolCalls, {"\"parallel_tool_calls\"", "false"}},
      {Field::kEncodingFormat, {"\"encoding_format\"", "\"float\""}},
      {Field::kRouter, {"\"router\"", "{}"}},
      {Field::kCache, {"\"cache\"", "{\"a\":1 }"}},
  };
  for (const auto& [field, texts] : expected) {
    EXPECT_TRUE(view.has(field));
    EXPECT_EQ(scan.text(view.member(field).key), texts.first);
    EXPECT_EQ(view.value(field), texts.second);
  }
}

TEST(RequestScan, StartsAfreshForEachBody) {
  RequestScanner scanner;
  RequestView view;
  const Padded first(with("\"stream\":true,\"n\":2,\"user\":\"u\",\"max_tokens\":1,\"x\":1"));
  const Padded second("{\"model\":\"k\",\"x\":1,\"n\":null}");
  ASSERT_TRUE(scanner.scan(first.view(), {}, &view));
  ASSERT_TRUE(scanner.scan(second.view(), {}, &view));
  EXPECT_EQ(view.model, "k");
  EXPECT_FALSE(view.stream);
  EXPECT_EQ(view.n, -1);
  EXPECT_EQ(view.output_cap, -1);
  EXPECT_TRUE(view.user.empty());
  EXPECT_FALSE(view.has(Field::kStream));
  EXPECT_FALSE(view.has(Field::kMaxTokens));
}

TEST(RequestScan, NullCountsAsAbsentForFiveFieldsOnly) {
  const Scan scan(with("\"stream\":null,\"stream_options\":null,\"max_tokens\":null,"
                       "\"max_completion_tokens\":null,\"n\":null,\"tools\":null,\"user\":null"));
  ASSERT_TRUE(scan.ok()) << scan.message();
  for (const Field field : {Field::kStream, Field::kStreamOptions, Field::kMaxTokens,
                            Field::kMaxCompletionTokens, Field::kN}) {
    EXPECT_FALSE(scan.view.has(field));
    EXPECT_TRUE(scan.view.present(field));
  }
  EXPECT_TRUE(scan.view.has(Field::kTools));
  EXPECT_FALSE(scan.view.stream);
  EXPECT_EQ(scan.view.output_cap, -1);
}

TEST(RequestScan, ComparesKeysAfterUnescaping) {
  const Scan scan("{\"\\u006dodel\":\"m\",\"\\u0073tream\":true}");
  ASSERT_TRUE(scan.ok());
  EXPECT_EQ(scan.view.model, "m");
  EXPECT_TRUE(scan.view.stream);
  expect_field_error("{\"model\":\"a\",\"m\\u006fdel\":\"b\"}", "model");
  expect_field_error(with("\"x\\/y\":1,\"x/y\":2"), "x/y");
  EXPECT_TRUE(Scan(with("\"\\ud800\":1,\"\\ud801\":2")).ok());
  expect_field_error(with("\"\":1,\"\":2"), "");
}

TEST(RequestScan, RefusesDuplicatesAtTheTopOnly) {
  expect_field_error(with("\"model\":\"m\""), "model");
  expect_field_error(with("\"stream\":null,\"stream\":true"), "stream");
  expect_field_error(with("\"seed\":1,\"seed\":1"), "seed");
  EXPECT_TRUE(Scan(with("\"x\":{\"a\":1,\"a\":2,\"model\":3}")).ok());
  const std::string longest = "\"" + std::string(5000, 'k') + "\":1";
  expect_field_error(with(longest + "," + longest), "");
}

TEST(RequestScan, BoundsTheNumberOfTopLevelKeys) {
  std::string members = "\"k0\":0";
  for (int i = 1; i < 1024; ++i) members += ",\"k" + std::to_string(i) + "\":0";
  EXPECT_TRUE(Scan(with(members)).ok());
  expect_field_error(with(members + ",\"more\":0"), "");
}

TEST(RequestScan, ChecksTheModel) {
  for (const std::string_view value :
       {"1", "null", "\"\"", "[\"m\"]", "\"a\\u0000b\"", "\"a\\nb\"", "\"a\x7F\"", "\"\\ud800\""}) {
    expect_field_error("{\"model\":" + std::string(value) + "}", "model");
  }
  expect_field_error("{}", "model");
  expect_field_error("{\"messages\":[]}", "model");
  const auto named = [](const std::string& name) { return "{\"model\":\"" + name + "\"}"; };
  EXPECT_TRUE(Scan(named(std::string(512, 'm'))).ok());
  expect_field_error(named(std::string(513, 'm')), "model");
  expect_field_error(named(std::string(5000, 'm')), "model");
  std::string escaped;
  for (int i = 0; i < 512; ++i) escaped += "\\u006d";
  const Scan scan(named(escaped));
  ASSERT_TRUE(scan.ok());
  EXPECT_EQ(scan.view.model, std::string(512, 'm'));
  expect_field_error(named(escaped + "m"), "model");
  EXPECT_EQ(Scan(named("a\\/b \\u00fc\\ud83d\\ude00 ü")).view.model, "a/b ü😀 ü");
}

TEST(RequestScan, ChecksTypesOfTheOtherFields) {
  for (const std::string_view value : {"1", "\"true\"", "[]", "{}"}) {
    expect_field_error(with("\"stream\":" + std::string(value)), "stream");
  }
  for (const std::string_view value : {"true", "1", "\"x\"", "[]"}) {
    expect_field_error(with("\"stream_options\":" + std::string(value)), "stream_options");
  }
  for (const std::string_view field : {"max_tokens", "max_completion_tokens", "n"}) {
    for (const std::string_view value :
         {"0", "-1", "1.0", "1e2", "\"5\"", "true", "[]", "99999999999999999999", "-0"}) {
      expect_field_error(with("\"" + std::string(field) + "\":" + std::string(value)), field);
    }
  }
  expect_field_error(with("\"n\":4294967297"), "n");
  for (const std::string_view value : {"null", "{}", "\"x\"", "1"}) {
    expect_field_error(with("\"messages\":" + std::string(value)), "messages");
  }
  EXPECT_TRUE(Scan(with("\"user\":1")).view.user.empty());
  EXPECT_EQ(Scan(with("\"max_tokens\":5")).view.output_cap, 5);
}

TEST(RequestScan, IncludeUsageIsOnlyALiteralTrue) {
  const auto asks = [](std::string_view options) {
    return Scan(with("\"stream_options\":" + std::string(options))).view.include_usage;
  };
  EXPECT_TRUE(asks("{\"include_usage\":true}"));
  EXPECT_TRUE(asks("{\"x\":{\"include_usage\":false},\"include\\u005fusage\": true }"));
  EXPECT_FALSE(asks("{\"include_usage\":false}"));
  EXPECT_FALSE(asks("{\"include_usage\":\"true\"}"));
  EXPECT_FALSE(asks("{\"x\":{\"include_usage\":true}}"));
  EXPECT_FALSE(asks("{\"include_usage\":true,\"include_usage\":false}"));
  EXPECT_FALSE(asks("{}"));
}

TEST(RequestScan, RefusesWhatIsNoObjectAndSaysWhere) {
  for (const std::string_view text :
       {"", " ", "[]", "1", "\"model\"", "null", "{\"model\":\"m\"}x", "{\"model\":\"m\"",
        "\xEF\xBB\xBF{\"model\":\"m\"}", "{\"model\":\"m\"}{}", "{\"model\":\"m\"}\x01"}) {
    const Scan scan(text);
    ASSERT_FALSE(scan.ok()) << text;
    EXPECT_EQ(scan.code(), Errc::kInvalidJson) << text;
    EXPECT_FALSE(scan.message().empty());
  }
  const Scan scan(with("\"a\":[1 2]"));
  EXPECT_NE(scan.message().find("byte 20"), std::string_view::npos) << scan.message();
}

// A fault of the JSON comes before any fault of a field.
TEST(RequestScan, JudgesTheJsonFirst) {
  EXPECT_EQ(Scan("{\"stream\":1,\"a\":[}").code(), Errc::kInvalidJson);
  EXPECT_EQ(Scan("{\"a\":1,\"a\":2,}").code(), Errc::kInvalidJson);
}

TEST(RequestScan, HoldsTheDepthLimit) {
  const auto nested = [](size_t depth) {
    return with("\"a\":" + std::string(depth, '[') + std::string(depth, ']'));
  };
  for (const Validation validation : {Validation::kFull, Validation::kTopLevel}) {
    EXPECT_TRUE(Scan(nested(511), {.validation = validation}).ok());
    EXPECT_FALSE(Scan(nested(512), {.validation = validation}).ok());
    EXPECT_TRUE(Scan(nested(4), {.validation = validation, .max_depth = 5}).ok());
    EXPECT_FALSE(Scan(nested(5), {.validation = validation, .max_depth = 5}).ok());
    EXPECT_FALSE(Scan(nested(2000), {.validation = validation, .max_depth = 100000}).ok());
  }
}

TEST(RequestScan, TopLevelLeavesTheInsideToTheProvider) {
  const ScanOptions options{.validation = Validation::kTopLevel};
  EXPECT_TRUE(Scan(with("\"a\":[1 2 nonsense]"), options).ok());
  EXPECT_TRUE(Scan(with("\"a\":\"\\x\""), options).ok());
  EXPECT_FALSE(Scan(with("\"a\":nonsense"), options).ok());
  EXPECT_FALSE(Scan(with("\"\\x\":1"), options).ok());
  EXPECT_FALSE(Scan(with("\"stream_options\":{\"\\x\":1}"), options).ok());
  EXPECT_FALSE(Scan(with("\"stream_options\":{\"a\" 1}"), options).ok());
  EXPECT_FALSE(Scan(with("\"a\":[1"), options).ok());
  EXPECT_FALSE(Scan("{\"model\":\"\\x\"}", options).ok());
}

TEST(RequestScan, ShrinkGivesMemoryBack) {
  RequestScanner scanner;
  RequestView view;
  const Padded large(with("\"a\":\"" + std::string(4 << 20, 'x') + "\""));
  ASSERT_TRUE(scanner.scan(large.view(), {}, &view));
  const size_t before = scanner.held_bytes();
  scanner.shrink();
  EXPECT_LT(scanner.held_bytes() + (4 << 20), before);
  ASSERT_TRUE(scanner.scan(large.view(), {}, &view));
}

// Accepted or not against the reference and against simdjson's tree, for damaged random bodies.
TEST(RequestScan, AgreesWithTwoOtherParsersOnRandomBodies) {
  const uint64_t seed = testing::test_seed();
  SCOPED_TRACE(seed);
  RandomJson random(seed);
  RequestScanner scanner;
  RequestView view;
  simdjson::dom::parser parser;
  for (int i = 0; i < 6000; ++i) {
    std::string text = with("\"a\":" + random.value(0) + random.space());
    if (i % 4 != 0) text = random.mutate(text);
    const Padded body(text, "}]\"0\\ne,"[random.below(8)]);
    const auto result = scanner.scan(body.view(), {}, &view);
    const bool json = result || result.error().code == Errc::kInvalidField;
    const size_t first = text.find_first_not_of(" \t\r\n");
    const bool object = first != std::string::npos && text[first] == '{';
    ASSERT_EQ(json, object && testing::reference_valid(text)) << text;
    simdjson::dom::element root;
    const auto error = parser.parse(text).get(root);
    // simdjson refuses numbers that no 64-bit type holds, and surrogates without a partner.
    const bool stricter = error == simdjson::NUMBER_ERROR || error == simdjson::STRING_ERROR;
    if (json && !stricter) {
      ASSERT_EQ(error, simdjson::SUCCESS) << text;
    }
    if (!result || error != simdjson::SUCCESS) continue;
    std::string_view model;
    ASSERT_EQ(root["model"].get(model), simdjson::SUCCESS);
    ASSERT_EQ(view.model, model) << text;
  }
}

}  // namespace
}  // namespace weir
