#include "adapters/common/openai_event_pattern.h"

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

#include "adapters/common/openai_stream.h"

namespace weir {
namespace {

std::string chunk(std::string_view text, std::string_view finish = "null",
                  std::string_view index = "0") {
  std::string event = "data: {\"id\":\"c1\",\"object\":\"chat.completion.chunk\",\"choices\":[{";
  event.append("\"index\":").append(index).append(",\"delta\":{\"content\":\"").append(text);
  return event.append("\"},\"logprobs\":null,\"finish_reason\":").append(finish).append("}]}\n\n");
}

// Reads the events and learns, as the relay does.
void read(EventPattern& pattern, StreamFacts& facts, const std::string& event) {
  const StreamFacts before = facts;
  static_cast<void>(openai_observe_event(event, false, &facts));
  static_cast<void>(pattern.learn(event, before, facts));
}

class EventPatternTest : public testing::Test {
 protected:
  void SetUp() override {
    read(pattern_, facts_, chunk("first"));   // a new choice: not plain yet
    read(pattern_, facts_, chunk("second"));  // learned
  }
  bool matches(const std::string& event) {
    return pattern_.match(event, &text_bytes_) == event.size();
  }
  EventPattern pattern_;
  StreamFacts facts_;
  size_t text_bytes_ = 0;
};

TEST_F(EventPatternTest, KnowsTheNextTextAndItsLength) {
  EXPECT_TRUE(matches(chunk("a longer text than before")));
  EXPECT_EQ(text_bytes_, 25u);
  EXPECT_TRUE(matches(chunk("")));
  EXPECT_EQ(text_bytes_, 0u);
  EXPECT_TRUE(matches(chunk(R"(say \"hi\"\n\\)")));
  EXPECT_TRUE(matches(chunk("\xc3\xa9\xe2\x82\xac")));
}

TEST_F(EventPatternTest, AnythingElseIsRead) {
  EXPECT_FALSE(matches(chunk("x", "\"stop\"")));
  EXPECT_FALSE(matches(chunk("x", "null", "1")));
  EXPECT_FALSE(matches("data: [DONE]\n\n"));
  EXPECT_FALSE(matches(": ping\n\n"));
  // A quote inside would let other keys hide in what looks like text.
  EXPECT_FALSE(matches(chunk("x\"},\"finish_reason\":\"stop\",\"y\":{\"z\":\"")));
  EXPECT_FALSE(matches(chunk("ends in a backslash \\")));
  EXPECT_FALSE(matches(chunk("a\ndata: b")));
  EXPECT_FALSE(matches(chunk("a\\\ndata: b")));
}

// Goal: an event is found at the head of what one read brought, and never half of one.
TEST_F(EventPatternTest, FindsAnEventBeforeWhatFollows) {
  for (size_t size = 0; size < 70; ++size) {
    const std::string event = chunk(std::string(size, 'w') + R"(\"\\)");
    for (const std::string_view rest : {"", "d", "data: x\n\n", "\"", "\n", "\r\n"}) {
      EXPECT_EQ(pattern_.match(event + std::string(rest), &text_bytes_), event.size());
      EXPECT_EQ(text_bytes_, size + 4);
    }
    for (size_t cut = 0; cut < event.size(); ++cut) {
      // Exactly so many bytes, so that the address sanitizer sees a read too far.
      const std::vector<char> part(event.begin(), event.begin() + static_cast<ptrdiff_t>(cut));
      EXPECT_EQ(pattern_.match({part.data(), part.size()}, &text_bytes_), 0u);
    }
  }
}

TEST_F(EventPatternTest, LearnsOnlyFromEventsWhoseEndIsSure) {
  EventPattern pattern;
  std::string event = chunk("x");
  event.replace(event.size() - 2, 2, "\r\r");
  read(pattern, facts_, event);
  EXPECT_EQ(pattern.match(event, &text_bytes_), 0u);
  event.replace(event.size() - 2, 2, "\r\n\r\n");
  read(pattern, facts_, event);
  EXPECT_EQ(pattern.match(event + "data", &text_bytes_), event.size());
}

TEST_F(EventPatternTest, KnowsTextUnderOtherKeysButOnlyOne) {
  const auto delta = [](std::string_view members) {
    return "data: {\"choices\":[{\"index\":0,\"delta\":{" + std::string(members) + "}}]}\n\n";
  };
  for (const std::string_view key : {"reasoning_content", "reasoning", "text", "content"}) {
    const std::string name = "\"" + std::string(key) + "\":";
    EventPattern pattern;
    read(pattern, facts_, delta(name + "\"a\""));
    EXPECT_NE(pattern.match(delta(name + "\"some text\""), &text_bytes_), 0u) << key;
    EXPECT_EQ(text_bytes_, 9u);
    EXPECT_EQ(pattern.match(delta(name + "null"), &text_bytes_), 0u) << key;
  }
  EventPattern pattern;
  read(pattern, facts_, delta("\"content\":\"\",\"reasoning\":\"a\""));
  EXPECT_EQ(pattern.match(delta("\"content\":\"\",\"reasoning\":\"a\""), &text_bytes_), 0u);
}

TEST_F(EventPatternTest, ForgetsOnReset) {
  pattern_.reset();
  EXPECT_FALSE(matches(chunk("x")));
}

TEST(EventPattern, LearnsNothingFromEventsThatSayMore) {
  EventPattern pattern;
  StreamFacts facts;
  size_t bytes = 0;
  read(pattern, facts, chunk("first"));
  EXPECT_EQ(pattern.match(chunk("x"), &bytes), 0u);
  read(pattern, facts, chunk("last", "\"stop\""));
  EXPECT_EQ(pattern.match(chunk("x", "\"stop\""), &bytes), 0u);
}

// Whatever it recognises must be what a full reading would have found.
TEST(EventPattern, AgreesWithAFullReading) {
  const uint64_t seed = std::random_device()();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 random(seed);
  const std::string_view pieces[] = {"a", "\\n", "\\\"", "\"", "\\",
                                     "}", "{",   ":",    "null", ","};
  for (int round = 0; round < 2000; ++round) {
    EventPattern pattern;
    StreamFacts facts;
    read(pattern, facts, chunk("one"));
    read(pattern, facts, chunk("two"));
    std::string text;
    for (uint64_t n = random() % 6; n > 0; --n) text += pieces[random() % std::size(pieces)];
    const std::string event = chunk(text, random() % 4 == 0 ? "\"stop\"" : "null");
    size_t bytes = 0;
    if (pattern.match(event, &bytes) != event.size()) continue;
    StreamFacts full = facts;
    ASSERT_EQ(openai_observe_event(event, false, &full), EventVerdict::kForward) << event;
    EXPECT_EQ(full.text_bytes, facts.text_bytes + bytes) << event;
    EXPECT_EQ(full.finished_choices, facts.finished_choices) << event;
    EXPECT_EQ(full.seen_choices, facts.seen_choices) << event;
  }
}

}  // namespace
}  // namespace weir
