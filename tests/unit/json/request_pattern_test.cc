#include "json/request_pattern.h"

#include <gtest/gtest.h>

#include "json/index.h"
#include "json/request_scan.h"
#include "json_cases.h"

namespace weir {
namespace {

using testing::Padded;

constexpr std::string_view kBody =
    "{\"model\":\"gpt-4o\", \"messages\":[{\"role\":\"system\",\"content\":\"Be brief.\"},"
    "{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"Two\\nlines, \xC3\xBC\"}]}],"
    "\"user\":\"u-1\",\"max_tokens\":256,\"stream\":true,\"stream_options\":"
    "{\"include_usage\":true},\"metadata\":{\"k\":\"v\"},\"stop\":[\"a\",\"\"],\"n\":2}\n";

std::string with(std::string_view from, std::string_view to,
                 std::string text = std::string(kBody)) {
  const size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return text.replace(at, from.size(), to);
}

bool same(ByteRange a, ByteRange b) { return a.begin == b.begin && a.end == b.end; }

void expect_same(const RequestView& a, const RequestView& b) {
  EXPECT_EQ(a.body.data(), b.body.data());
  EXPECT_EQ(a.body.size(), b.body.size());
  for (size_t i = 0; i < RequestView::kFields; ++i) {
    EXPECT_TRUE(same(a.members[i].key, b.members[i].key)) << i << " " << a.body;
    EXPECT_TRUE(same(a.members[i].value, b.members[i].value)) << i << " " << a.body;
  }
  EXPECT_TRUE(same(a.root, b.root)) << a.body;
  EXPECT_EQ(a.member_count, b.member_count);
  EXPECT_EQ(a.null_mask, b.null_mask);
  EXPECT_EQ(a.model, b.model);
  EXPECT_EQ(a.user, b.user);
  EXPECT_EQ(a.stream, b.stream);
  EXPECT_EQ(a.include_usage, b.include_usage);
  EXPECT_EQ(a.output_cap, b.output_cap);
  EXPECT_EQ(a.n, b.n);
}

// A pattern of a body, made by hand as the scanner makes its own.
struct Known {
  explicit Known(std::string_view body = kBody) {
    const Padded text(body);
    RequestView view;
    if (!RequestScanner().scan(text.view(), {}, &view)) return;
    JsonIndex index;
    EXPECT_EQ(index.build(text.view(), {}), JsonIndex::Status::kOk);
    learned = pattern.learn(text.view(), {index.positions(), index.count()}, view);
  }
  // Whether `body` is recognised; and if so, whether that tells what reading it tells.
  bool matches(std::string_view body) {
    const Padded text(body);
    RequestView known;
    size_t bytes = 0;
    if (!pattern.match(text.view(), &known, &bytes)) return false;
    RequestView read;
    EXPECT_TRUE(RequestScanner().scan(text.view(), {}, &read).has_value()) << body;
    expect_same(known, read);
    return true;
  }

  RequestPattern pattern;
  bool learned = false;
};

TEST(RequestPattern, KnowsTheSameBodyWithOtherTexts) {
  Known known;
  EXPECT_TRUE(known.matches(kBody));
  EXPECT_TRUE(known.matches(with("Be brief.", "")));
  EXPECT_TRUE(known.matches(with("Be brief.", std::string(3000, 'x') + "\\t\\u00fc\xC3\xBC")));
  EXPECT_TRUE(known.matches(with("Two\\nlines, \xC3\xBC", "One\\\\", with("u-1", "somebody"))));
  EXPECT_TRUE(known.matches(with("u-1", "")));
  EXPECT_TRUE(known.matches(with("gpt-4o", "m")));
  EXPECT_TRUE(known.matches(with("gpt-4o", std::string(511, 'm') + "/")));
  EXPECT_TRUE(known.matches(with("\"v\"", "\"\"", with("\"a\"", "\"bc\""))));
}

TEST(RequestPattern, LeavesTheRestToTheScan) {
  Known known;
  // Another meaning.
  EXPECT_FALSE(known.matches(with("gpt-4o", "")));
  EXPECT_FALSE(known.matches(with("gpt-4o", "gpt\\u002d4o")));
  EXPECT_FALSE(known.matches(with("gpt-4o", "gpt\x7F")));
  EXPECT_FALSE(known.matches(with("gpt-4o", std::string(513, 'm'))));
  EXPECT_FALSE(known.matches(with("256", "257")));
  EXPECT_FALSE(known.matches(with("\"stream\":true", "\"stream\":false")));
  EXPECT_FALSE(known.matches(with("\"system\"", "\"developer\"")));
  EXPECT_FALSE(known.matches(with("\"text\",", "\"image_url\",")));
  EXPECT_FALSE(known.matches(with("\"stop\"", "\"model\"")));
  EXPECT_FALSE(known.matches(with("{\"k\":\"v\"}", "{}")));
  EXPECT_FALSE(known.matches(with("\"u-1\"", "null")));
  // The same, written in another way.
  EXPECT_FALSE(known.matches(with("\"model\":", "\"model\": ")));
  // No JSON.
  EXPECT_FALSE(known.matches(with("brief", "\\x")));
  EXPECT_FALSE(known.matches(with("brief", "\\u12G4")));
  EXPECT_FALSE(known.matches(with("brief", "a\nb")));
  EXPECT_FALSE(known.matches(with("brief", "\xC3")));
  EXPECT_FALSE(known.matches(with("brief", "a\"b")));
  EXPECT_FALSE(known.matches(std::string(kBody) + "}"));
  for (size_t n = 0; n < kBody.size(); ++n) EXPECT_FALSE(known.matches(kBody.substr(0, n))) << n;
}

TEST(RequestPattern, DoesNotLearnWhatIsTooLarge) {
  const std::string long_key = with("max_tokens", std::string(TextPattern::kMaxBytes, 'k'));
  EXPECT_FALSE(Known(long_key).learned);
  EXPECT_FALSE(Known(long_key).matches(long_key));
  std::string list = "[\"\"";
  for (size_t i = 0; i < TextPattern::kMaxSpots; ++i) list += ",\"\"";
  EXPECT_FALSE(Known(with("[\"a\",\"\"]", list + "]")).learned);
  std::string tokens = "[1";
  for (size_t i = 0; i < 400; ++i) tokens += ",1";
  EXPECT_FALSE(Known(with("[\"a\",\"\"]", tokens + "]")).learned);
}

TEST(RequestPattern, IsLearnedFromANameWithEscapesToo) {
  Known known(with("gpt-4o", "gpt\\u002d4o"));
  EXPECT_TRUE(known.matches(kBody));
  EXPECT_FALSE(known.matches(with("gpt-4o", "gpt\\u002d4o")));
}

// Scans with one scanner, and what a scanner that knows no body yet finds.
struct Scans {
  void expect_read(const std::string& body, ScanOptions options = {}) {
    const Padded text(body);
    RequestView view;
    RequestView fresh;
    const auto result = scanner.scan(text.view(), options, &view);
    const auto expected = RequestScanner().scan(text.view(), options, &fresh);
    ASSERT_EQ(result.has_value(), expected.has_value()) << body;
    if (result) return expect_same(view, fresh);
    EXPECT_EQ(result.error().code, expected.error().code);
  }
  RequestScanner scanner;
};

TEST(RequestPattern, HoldsForTheDepthAndTheValidationItWasLearnedWith) {
  Scans scans;
  scans.expect_read(std::string(kBody));
  scans.expect_read(std::string(kBody), {.max_depth = 2});
  scans.expect_read(with("brief", "\\x"), {.validation = ScanOptions::Validation::kTopLevel});
  scans.expect_read(with("brief", "\\x"));
}

void learn(RequestPatterns* patterns, const Padded& text) {
  RequestView view;
  ASSERT_TRUE(RequestScanner().scan(text.view(), {}, &view).has_value());
  JsonIndex index;
  ASSERT_EQ(index.build(text.view(), {}), JsonIndex::Status::kOk);
  patterns->learn(text.view(), 512, {index.positions(), index.count()}, view);
}

bool match(RequestPatterns* patterns, const Padded& text, uint32_t max_depth = 512) {
  RequestView view;
  return patterns->match(text.view(), max_depth, &view);
}

TEST(RequestPattern, IsOneOfAFewThatTakeTurns) {
  RequestPatterns patterns;
  const auto body_of = [](size_t i) { return Padded(with("256", std::to_string(i + 1))); };
  for (size_t i = 0; i < RequestPatterns::kCount; ++i) {
    ASSERT_FALSE(match(&patterns, body_of(i)));
    learn(&patterns, body_of(i));
    ASSERT_FALSE(match(&patterns, body_of(i), 511));
    ASSERT_TRUE(match(&patterns, body_of(i)));
    ASSERT_TRUE(match(&patterns, body_of(0)));
  }
  // The one that was of no use for longest gives way.
  learn(&patterns, body_of(RequestPatterns::kCount));
  EXPECT_TRUE(match(&patterns, body_of(RequestPatterns::kCount)));
  EXPECT_TRUE(match(&patterns, body_of(0)));
  EXPECT_FALSE(match(&patterns, body_of(1)));
  EXPECT_TRUE(match(&patterns, body_of(2)));
}

TEST(RequestPattern, IsGivenUpWhereOnlyItsBeginningIsCommon) {
  RequestPatterns patterns;
  const std::string body = with("Be brief", std::string(300, 'b'));
  const Padded text(body);
  learn(&patterns, text);
  const Padded other(with("256", "1", body));
  for (int i = 0; i < 15; ++i) EXPECT_FALSE(match(&patterns, other));
  EXPECT_TRUE(match(&patterns, text));
  for (int i = 0; i < 16; ++i) EXPECT_FALSE(match(&patterns, other));
  EXPECT_FALSE(match(&patterns, text));
}

TEST(RequestPattern, IsLearnedRarelyWhereNothingIsLikeTheLast) {
  RequestPatterns patterns;
  size_t learned = 0;
  for (size_t i = 0; i < 1000; ++i) learned += patterns.wants_to_learn() ? 1 : 0;
  EXPECT_LT(learned, 15U);
  EXPECT_GT(learned, 5U);
}

// Whatever a pattern recognises reads the same when it is read.
TEST(RequestPattern, ChangedBodiesReadTheSame) {
  const uint64_t seed = testing::test_seed();
  SCOPED_TRACE("WEIR_TEST_SEED=" + std::to_string(seed));
  testing::RandomJson random(seed);
  Known fixed;
  size_t matched = 0;
  for (int round = 0; round < 20000; ++round) {
    matched += fixed.matches(random.mutate(std::string(kBody))) ? 1 : 0;
  }
  EXPECT_GT(matched, 100U);
  for (int round = 0; round < 5000; ++round) {
    const std::string first = "{\"x\":" + random.value(0) + ",\"model\":\"m\",\"messages\":[" +
                              random.value(3) + "],\"user\":" + random.scalar() +
                              ",\"prompt\":" + random.value(2) + "}";
    Known known(first);
    EXPECT_TRUE(!known.learned || known.matches(first)) << first;
    static_cast<void>(known.matches(random.mutate(first)));
    Scans scans;
    scans.expect_read(first);
    scans.expect_read(random.mutate(first));
  }
}

}  // namespace
}  // namespace weir
