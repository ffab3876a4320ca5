#include "proxy/event_pattern.h"

#include <gtest/gtest.h>

#include <random>
#include <string>

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
  pattern.learn(event, before, facts);
}

class EventPatternTest : public testing::Test {
 protected:
  void SetUp() override {
    read(pattern_, facts_, chunk("first"));   // a new choice: not plain yet
    read(pattern_, facts_, chunk("second"));  // learned
  }
  bool matches(const std::string& event) { return pattern_.matches(event, &text_bytes_); }
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
  EXPECT_FALSE(pattern.matches(chunk("x"), &bytes));
  read(pattern, facts, chunk("last", "\"stop\""));
  EXPECT_FALSE(pattern.matches(chunk("x", "\"stop\""), &bytes));
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
    if (!pattern.matches(event, &bytes)) continue;
    StreamFacts full = facts;
    ASSERT_EQ(openai_observe_event(event, false, &full), EventVerdict::kForward) << event;
    EXPECT_EQ(full.text_bytes, facts.text_bytes + bytes) << event;
    EXPECT_EQ(full.finished_choices, facts.finished_choices) << event;
    EXPECT_EQ(full.seen_choices, facts.seen_choices) << event;
  }
}

}  // namespace
}  // namespace weir
