#include "json/reply_pattern.h"

#include <gtest/gtest.h>

#include <random>
#include <string>

#include "json/reply_scan.h"
#include "json_cases.h"

namespace weir {
namespace {

using testing::Padded;

constexpr std::string_view kReply =
    "{\"id\":\"chatcmpl-B1\",\"object\":\"chat.completion\",\"created\":1741569952,"
    "\"model\":\"gpt-4o-mini\", \"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\","
    "\"content\":\"Two\\nlines, \xC3\xBC\",\"refusal\":null},\"logprobs\":null,"
    "\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":19,\"completion_tokens\":10,"
    "\"total_tokens\":29,\"prompt_tokens_details\":{\"cached_tokens\":0,\"audio_tokens\":0},"
    "\"completion_tokens_details\":{\"reasoning_tokens\":0}},\"service_tier\":\"default\","
    "\"system_fingerprint\":\"fp_44709d6fcb\"}\n";

std::string with(std::string_view from, std::string_view to,
                 std::string text = std::string(kReply)) {
  const size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return text.replace(at, from.size(), to);
}

struct Known {
  explicit Known(std::string_view reply = kReply) {
    const Padded text(reply);
    ReplyView view;
    EXPECT_TRUE(scanner.scan(text.view(), &view, &pattern).has_value());
  }
  // Whether `reply` is recognised; and if so, whether that tells what reading it tells.
  bool matches(std::string_view reply) {
    const Padded text(reply);
    ReplyView known;
    if (!pattern.match(text.view(), &known)) return false;
    ReplyView read;
    EXPECT_TRUE(scanner.scan(text.view(), &read).has_value()) << reply;
    EXPECT_TRUE(read == known) << reply;
    return true;
  }

  ReplyScanner scanner;
  ReplyPattern pattern;
};

TEST(ReplyPattern, KnowsTheSameReplyWithOtherTextsAndCounts) {
  Known known;
  EXPECT_TRUE(known.matches(kReply));
  EXPECT_TRUE(known.matches(with("chatcmpl-B1", "chatcmpl-a-longer-one")));
  EXPECT_TRUE(known.matches(with("1741569952", "7")));
  EXPECT_TRUE(known.matches(with("gpt-4o-mini", "o3")));
  EXPECT_TRUE(known.matches(with("fp_44709d6fcb", "")));
  EXPECT_TRUE(known.matches(with("\"prompt_tokens\":19", "\"prompt_tokens\":123456789")));
  EXPECT_TRUE(known.matches(with("\"reasoning_tokens\":0", "\"reasoning_tokens\":64")));
  EXPECT_TRUE(known.matches(with("Two\\nlines, \xC3\xBC", "")));
  EXPECT_TRUE(known.matches(with("lines", "a \\u6f22\\\\ and a \\\" \xF0\x9F\x98\x80")));
  EXPECT_TRUE(known.matches(with("lines", std::string(3000, 'x') + "\\t")));
}

TEST(ReplyPattern, TellsTheTextsAndCountsOfTheReplyAtHand) {
  Known known;
  const Padded text(with("\"cached_tokens\":0", "\"cached_tokens\":17",
                         with("Two\\nlines", "\\u6f22x", with("gpt-4o-mini", "m"))));
  ReplyView view;
  ASSERT_TRUE(known.pattern.match(text.view(), &view));
  EXPECT_EQ(view.model, "m");
  EXPECT_EQ(view.delta_text_bytes, 3U + 1 + 4);
  EXPECT_EQ(view.usage.prompt_tokens, 19);
  EXPECT_EQ(view.usage.cached_tokens, 17);
  EXPECT_EQ(view.usage.reasoning_tokens, 0);
  EXPECT_EQ(view.usage.source, UsageSource::kProvider);
  EXPECT_EQ(view.finished_choices, 1U);
  EXPECT_TRUE(view.has_choices);
}

TEST(ReplyPattern, LeavesTheRestToTheScan) {
  Known known;
  // Another meaning.
  EXPECT_FALSE(known.matches(with("\"index\":0", "\"index\":1")));
  EXPECT_FALSE(known.matches(with("\"stop\"", "\"length\"")));
  EXPECT_FALSE(known.matches(with("\"stop\"", "null")));
  EXPECT_FALSE(known.matches(with("chat.completion", "error")));
  EXPECT_FALSE(known.matches(with("\"id\"", "\"error\"")));
  EXPECT_FALSE(known.matches(with("\"refusal\":null", "\"refusal\":\"no\"")));
  EXPECT_FALSE(known.matches(with("\"chatcmpl-B1\"", "null")));
  // The same, written in another way.
  EXPECT_FALSE(known.matches(with("\"total_tokens\":29", "\"total_tokens\":29.0")));
  EXPECT_FALSE(known.matches(with("\"total_tokens\":29", "\"total_tokens\":-1")));
  EXPECT_FALSE(known.matches(with("\"prompt_tokens\":19", "\"prompt_tokens\":1234567890")));
  // No JSON.
  EXPECT_FALSE(known.matches(with("1741569952", "01")));
  EXPECT_FALSE(known.matches(with("1741569952", "")));
  EXPECT_FALSE(known.matches(with("lines", "\\x")));
  EXPECT_FALSE(known.matches(with("lines", "\\u12G4")));
  EXPECT_FALSE(known.matches(with("lines", "a\nb")));
  EXPECT_FALSE(known.matches(with("lines", "\xC3")));
  EXPECT_FALSE(known.matches(with("lines", "a\"b")));
  EXPECT_FALSE(known.matches(std::string(kReply) + "}"));
  for (size_t n = 0; n < kReply.size(); ++n) EXPECT_FALSE(known.matches(kReply.substr(0, n))) << n;
}

TEST(ReplyPattern, DoesNotLearnWhatItCannotBeSureOf) {
  for (const std::string_view reply :
       {"{\"error\":{\"message\":\"no\"},\"choices\":[]}", "{\"data\":[{\"embedding\":[1,2]}]}",
        "{\"choices\":[],\"usage\":{\"prompt_tokens\":1},\"usage\":{\"total_tokens\":2}}",
        "{\"choices\":[],\"model\":\"a\",\"model\":\"b\"}",
        "{\"choices\":[],\"message\":\"a text that says what is wrong\"}",
        "[{\"error\":\"x\"}]", "{\"id\":\"no choices\"}"}) {
    EXPECT_FALSE(Known(reply).matches(reply)) << reply;
  }
  std::string longest = with("service_tier", std::string(TextPattern::kMaxBytes, 'k'));
  EXPECT_FALSE(Known(longest).matches(longest));
  std::string members = "{\"choices\":[]";
  for (size_t i = 0; i <= TextPattern::kMaxSpots; ++i) {
    members += ",\"" + std::to_string(i) + "\":1";
  }
  members += "}";
  EXPECT_FALSE(Known(members).matches(members));
}

TEST(ReplyPattern, TakesNoNumberInsideOfACountForTheCount) {
  const std::string reply = with("\"total_tokens\":29", "\"total_tokens\":{\"sum\":29}");
  Known known(reply);
  EXPECT_TRUE(known.matches(reply));
  EXPECT_FALSE(known.matches(with("\"sum\":29", "\"sum\":30", reply)));
}

TEST(ReplyPattern, LearnsAnotherKindOfReply) {
  Known known;
  const std::string other = with("\"stop\"", "\"tool_calls\"");
  ASSERT_FALSE(known.matches(other));
  const Padded text(other);
  ReplyView view;
  // At first it learns from each reply it does not know; from fewer where none was known since.
  size_t scans = 0;
  for (; !known.matches(other); ++scans) {
    ASSERT_LT(scans, 3U);
    ASSERT_TRUE(known.scanner.scan(text.view(), &view, &known.pattern).has_value());
  }
  EXPECT_GE(scans, 1U);
}

TEST(ReplyPattern, LearnsRarelyWhereNothingIsLikeTheLast) {
  ReplyPattern pattern;
  size_t learned = 0;
  for (size_t i = 0; i < 1000; ++i) learned += pattern.wants_to_learn() ? 1 : 0;
  EXPECT_LT(learned, 15U);
  EXPECT_GT(learned, 5U);
}

// Whatever a pattern recognises reads the same when it is read.
TEST(ReplyPattern, ChangedRepliesReadTheSame) {
  const uint64_t seed = testing::test_seed();
  SCOPED_TRACE("WEIR_TEST_SEED=" + std::to_string(seed));
  testing::RandomJson random(seed);
  constexpr std::string_view kParts[] = {
      "0", "12",       "\"",      "\\",   "\\n", "a",  "}",         ",",    " ",
      "\xC3\xBC", "\"x\":1,", "null", "-",   ".5", "\\u00e4", "\x7F", "\xFF"};
  size_t matched = 0;
  for (int round = 0; round < 20000; ++round) {
    static Known known;
    std::string text(kReply);
    const size_t at = random.below(text.size());
    const size_t erased = std::min(random.below(4), text.size() - at);
    text.replace(at, erased, random.pick(kParts));
    matched += known.matches(text) ? 1 : 0;
  }
  EXPECT_GT(matched, 500U);
  // And of random documents with the members that count.
  for (int round = 0; round < 5000; ++round) {
    const std::string first = "{\"x\":" + random.value(0) + ",\"model\":" + random.value(3) +
                              ",\"choices\":[{\"index\":" + random.scalar() +
                              ",\"message\":{\"content\":" + random.scalar() +
                              ",\"y\":" + random.value(2) + "}}],\"usage\":{\"prompt_tokens\":" +
                              random.scalar() + ",\"z\":" + random.value(4) + "}}";
    Known known(first);
    std::string text = first;
    text.replace(random.below(text.size()), random.below(3), random.pick(kParts));
    static_cast<void>(known.matches(first));
    static_cast<void>(known.matches(text));
  }
}

}  // namespace
}  // namespace weir
