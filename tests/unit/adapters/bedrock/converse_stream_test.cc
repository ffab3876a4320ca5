// Goal: an event stream becomes chunks that a client understands, whatever comes in it and however
// it is cut. Streams are written as text, one message per line (frames_of).
//
// Method: each stream is fed whole, byte by byte and at random cuts; all must give the same.
#include <random>

#include "adapters/common/json_walk.h"
#include "tests/unit/adapters/bedrock/frames.h"
#include "tests/unit/adapters/harness.h"

namespace weir::test {
namespace {

constexpr std::string_view kPlain = R"({"model":"m","stream":true,"messages":[)"
                                    R"({"role":"user","content":"Hi"}]})";
constexpr std::string_view kWithUsage =
    R"({"model":"m","stream":true,"stream_options":{"include_usage":true},"messages":[)"
    R"({"role":"user","content":"Hi"}]})";

constexpr std::string_view kDone =
    "messageStop {\"stopReason\":\"end_turn\"}\n"
    "metadata {\"usage\":{\"inputTokens\":5,\"outputTokens\":2,\"totalTokens\":7},\"p\":\"ab\"}\n";

// The message of an error lies in the attempt's arena, so it is copied.
struct Fed : Streamed {
  std::string message;
};

class Exchange {
 public:
  explicit Exchange(std::string_view request, std::string_view model = "amazon.nova-lite-v1:0")
      : harness_("bedrock", Endpoint::kChat) {
    harness_.model(model);
    EXPECT_TRUE(harness_.begin(request)) << harness_.refusal().message;
  }
  Fed feed(const std::string& bytes, bool ends = true) {
    const Fed whole = run(bytes, [&] { return bytes.size() + 1; }, ends);
    const unsigned seed = std::random_device{}();
    std::mt19937 random(seed);
    for (int round = 0; round < 4; ++round) {
      const size_t most = round == 0 ? 1 : 1 + random() % 90;
      const Fed again = run(bytes, [&] { return 1 + random() % most; }, ends);
      EXPECT_EQ(whole.client, again.client) << "seed " << seed;
      EXPECT_EQ(whole.refused, again.refused) << "seed " << seed;
      EXPECT_EQ(whole.facts.usage.total_tokens, again.facts.usage.total_tokens);
      EXPECT_EQ(whole.facts.text_bytes, again.facts.text_bytes);
    }
    return whole;
  }
  Fed feed_text(std::string_view text, bool ends = true) { return feed(frames_of(text), ends); }

 private:
  // As the engine does it: next() comes first in each attempt, and leaves notes in the state.
  template <typename NextSize>
  Fed run(std::string_view bytes, NextSize next_size, bool ends) {
    harness_.restart();
    Step step;
    EXPECT_TRUE(harness_.next(&step).has_value());
    Call& call = harness_.call();
    const auto transform = harness_.adapter().transform_stream;
    Fed result;
    const auto take = [&](StreamPhase phase, std::string_view piece) {
      call.scratch.reset();
      SliceList out;
      const auto done = transform(call, phase, piece, &out, &result.facts);
      result.client += flat(out);
      result.refused = !done;
      if (!done) result.refusal = done.error().message;
    };
    while (!bytes.empty() && !result.refused) {
      const size_t size = std::min<size_t>(next_size(), bytes.size());
      const std::vector<char> piece(bytes.begin(), bytes.begin() + static_cast<long>(size));
      bytes.remove_prefix(size);
      take(StreamPhase::kEvents, {piece.data(), piece.size()});
    }
    if (ends && !result.refused) take(StreamPhase::kEnd, {});
    if (result.facts.error && result.facts.seen_choices == 0) {
      result.first_is_error = true;
      openai_map_stream_error(call, result.client, &result.error);
      result.message = result.error.message;
    }
    return result;
  }

  Harness harness_;
};

// What the deltas and finish reasons say, without what is the same in each chunk.
std::string digest(std::string_view client) {
  std::string out;
  while (!client.empty()) {
    const size_t end = client.find("\n\n");
    std::string_view data = client.substr(6, end - 6);
    client.remove_prefix(end + 2);
    if (!json_is_object(data)) {
      out += std::string(data) + "\n";
      continue;
    }
    if (const auto error = json_member(data, "error"); !error.empty()) {
      out += "error " + std::string(error) + "\n";
      continue;
    }
    JsonElements choices(json_member(data, "choices"));
    while (choices.next()) {
      out += std::string(json_member(choices.value(), "delta"));
      const std::string_view reason = json_member(choices.value(), "finish_reason");
      if (reason != "null") out += " " + std::string(reason);
      out += "\n";
    }
    const std::string_view usage = json_member(data, "usage");
    if (!json_is_none(usage)) out += "usage " + std::string(usage) + "\n";
  }
  return out;
}

constexpr std::string_view kRole = "{\"role\":\"assistant\",\"content\":\"\"}\n";

TEST(BedrockStream, PlainTextByteForByte) {
  const Fed got =
      Exchange(kWithUsage)
          .feed_text(
              "messageStart {\"role\":\"assistant\",\"p\":\"abc\"}\n"
              "contentBlockDelta {\"contentBlockIndex\":0,\"delta\":{\"text\":\"Good \\\"day\"}}\n"
              "contentBlockDelta {\"contentBlockIndex\":0,\"delta\":{\"text\":\"\"},\"p\":\"x\"}\n"
              "contentBlockStop {\"contentBlockIndex\":0}\n" +
              std::string(kDone));
  const std::string head = "data: {\"id\":\"" +
                           got.client.substr(13, got.client.find('"', 13) - 13) +
                           "\",\"object\":\"chat.completion.chunk\",\"created\":1700000000,"
                           "\"model\":\"amazon.nova-lite-v1:0\",\"choices\":[";
  const std::string tail = ",\"logprobs\":null,\"finish_reason\":";
  const std::string none = "}],\"usage\":null}\n\n";
  EXPECT_EQ(head + "{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"\"}" + tail +
                "null" + none + head + "{\"index\":0,\"delta\":{\"content\":\"Good \\\"day\"}" +
                tail + "null" + none + head + "{\"index\":0,\"delta\":{}" + tail + "\"stop\"" +
                none + head +
                "],\"usage\":{\"prompt_tokens\":5,\"completion_tokens\":2,\"total_tokens\":7}}\n\n"
                "data: [DONE]\n\n",
            got.client);
  EXPECT_TRUE(got.facts.done);
  EXPECT_EQ(1u, got.facts.finished_choices);
  EXPECT_EQ(7, got.facts.usage.total_tokens);
}

TEST(BedrockStream, UsageIsHiddenUnlessAskedFor) {
  const Fed got = Exchange(kPlain).feed_text(
      "contentBlockDelta {\"contentBlockIndex\":0,\"delta\":{\"text\":\"a\"}}\n" +
      std::string(kDone));
  EXPECT_EQ(std::string(kRole) + "{\"content\":\"a\"}\n{} \"stop\"\n[DONE]\n", digest(got.client));
  EXPECT_EQ(std::string::npos, got.client.find("usage"));
  EXPECT_EQ(7, got.facts.usage.total_tokens);
}

TEST(BedrockStream, ParallelTools) {
  const Fed got = Exchange(kPlain).feed_text(
      R"(messageStart {"role":"assistant"}
contentBlockDelta {"contentBlockIndex":0,"delta":{"text":"Two: "}}
contentBlockStart {"contentBlockIndex":1,"start":{"toolUse":{"toolUseId":"t1","name":"clock"}}}
contentBlockStart {"contentBlockIndex":2,"start":{"toolUse":{"toolUseId":"s","name":"run","type":"server_tool_use"}}}
contentBlockDelta {"contentBlockIndex":1,"delta":{"toolUse":{"input":"{\"zo"}}}
contentBlockDelta {"contentBlockIndex":2,"delta":{"toolUse":{"input":"{}"}}}
contentBlockDelta {"contentBlockIndex":1,"delta":{"toolUse":{"input":"ne\":1}"}}}
contentBlockStop {"contentBlockIndex":1}
contentBlockStop {"contentBlockIndex":2}
contentBlockStart {"contentBlockIndex":3,"start":{"toolUse":{"toolUseId":"t2","name":"date"}}}
contentBlockDelta {"contentBlockIndex":3,"delta":{"toolUse":{"input":""}}}
contentBlockStop {"contentBlockIndex":3}
messageStop {"stopReason":"tool_use"}
)");
  EXPECT_EQ(std::string(kRole) +
                R"({"content":"Two: "}
{"tool_calls":[{"index":0,"id":"t1","type":"function","function":{"name":"clock","arguments":""}}]}
{"tool_calls":[{"index":0,"function":{"arguments":"{\"zo"}}]}
{"tool_calls":[{"index":0,"function":{"arguments":"ne\":1}"}}]}
{"tool_calls":[{"index":1,"id":"t2","type":"function","function":{"name":"date","arguments":""}}]}
{"tool_calls":[{"index":1,"function":{"arguments":"{}"}}]}
{} "tool_calls"
[DONE]
)",
            digest(got.client));
}

TEST(BedrockStream, ReasoningAndUnicode) {
  const Fed got = Exchange(kPlain).feed_text(
      "contentBlockDelta {\"contentBlockIndex\":0,\"delta\":{\"reasoningContent\":{\"text\":"
      "\"Hm \xf0\x9f\x8c\xa7\"}}}\n"
      "contentBlockDelta {\"contentBlockIndex\":0,\"delta\":{\"reasoningContent\":{\"signature\":"
      "\"c2ln\"}}}\n"
      "contentBlockDelta {\"contentBlockIndex\":1,\"delta\":{\"text\":\"\xc3\xa9t\xc3\xa9\"}}\n"
      "contentBlockDelta {\"contentBlockIndex\":1,\"delta\":{\"citation\":{\"text\":\"x\"}}}\n"
      "futureEvent {\"contentBlockIndex\":1}\n"
      "messageStop {\"stopReason\":\"max_tokens\"}\n");
  EXPECT_EQ(std::string(kRole) +
                "{\"reasoning_content\":\"Hm \xf0\x9f\x8c\xa7\"}\n"
                "{\"content\":\"\xc3\xa9t\xc3\xa9\"}\n{} \"length\"\n[DONE]\n",
            digest(got.client));
}

TEST(BedrockStream, EmptyAnswer) {
  const Fed got =
      Exchange(kPlain).feed_text("messageStart {\"role\":\"assistant\"}\n" + std::string(kDone));
  EXPECT_EQ(std::string(kRole) + "{} \"stop\"\n[DONE]\n", digest(got.client));
}

TEST(BedrockStream, ExceptionFirstIsAFailedReply) {
  struct Row {
    std::string_view name;
    Fault fault;
    int status;
  };
  for (const Row& row : {Row{"throttlingException", Fault::kRateLimit, 429},
                         Row{"validationException", Fault::kRequest, 400},
                         Row{"internalServerException", Fault::kTarget, 502},
                         Row{"modelStreamErrorException", Fault::kTarget, 502},
                         Row{"serviceUnavailableException", Fault::kTarget, 503},
                         Row{"modelTimeoutException", Fault::kTarget, 504},
                         Row{"accessDeniedException", Fault::kCredential, 502},
                         Row{"somethingNew", Fault::kTarget, 502}}) {
    // messageStart alone is no answer yet.
    const Fed got = Exchange(kPlain).feed_text(
        "messageStart {\"role\":\"assistant\"}\n!" + std::string(row.name) +
        " {\"message\":\"said so\"}\nmessageStop {\"stopReason\":\"end_turn\"}\n");
    EXPECT_TRUE(got.first_is_error) << row.name;
    EXPECT_EQ(row.fault, got.error.fault) << row.name;
    EXPECT_EQ(row.status, got.error.status) << row.name;
    EXPECT_NE(std::string::npos, got.message.find("said so")) << row.name;
  }
}

TEST(BedrockStream, ExceptionLaterEndsTheStream) {
  const Fed got = Exchange(kPlain).feed_text(
      "contentBlockDelta {\"contentBlockIndex\":0,\"delta\":{\"text\":\"Why\"}}\n"
      "!throttlingException {\"message\":\"Too many\"}\n"
      "contentBlockDelta {\"contentBlockIndex\":0,\"delta\":{\"text\":\"never\"}}\n" +
      std::string(kDone));
  EXPECT_EQ(std::string(kRole) +
                "{\"content\":\"Why\"}\nerror {\"message\":\"Too many\",\"type\":"
                "\"rate_limit_error\",\"param\":null,\"code\":\"rate_limit_exceeded\"}\n",
            digest(got.client));
  EXPECT_TRUE(got.facts.error);
  EXPECT_FALSE(got.facts.done);
  EXPECT_EQ(0u, got.facts.finished_choices);
}

TEST(BedrockStream, ErrorMessageWithoutPayload) {
  const std::string frame = frame_raw(frame_header(":message-type", "error") +
                                          frame_header(":error-code", "InternalServerException") +
                                          frame_header(":error-message", "broke"),
                                      "");
  const Fed got = Exchange(kPlain).feed(frame);
  EXPECT_TRUE(got.first_is_error);
  EXPECT_EQ(502, got.error.status);
  EXPECT_EQ("broke", got.message);
}

TEST(BedrockStream, CutsAndBrokenBytesAreErrors) {
  const std::string text =
      frames_of("contentBlockDelta {\"contentBlockIndex\":0,\"delta\":{\"text\":\"a\"}}\n");
  const std::string end = frames_of(kDone);
  const Fed cut = Exchange(kPlain).feed(text + end.substr(0, 40));
  EXPECT_TRUE(cut.refused);
  EXPECT_EQ(std::string(kRole) + "{\"content\":\"a\"}\n", digest(cut.client));
  std::string bad = end;
  bad[20] ^= 1;
  const Fed broken = Exchange(kPlain).feed(text + bad);
  EXPECT_TRUE(broken.refused);
  EXPECT_EQ(std::string(kRole) + "{\"content\":\"a\"}\n", digest(broken.client));
  // Between two messages it is the engine that sees the missing end.
  const Fed early = Exchange(kPlain).feed(text);
  EXPECT_FALSE(early.refused);
  EXPECT_EQ(1u, early.facts.seen_choices);
  EXPECT_EQ(0u, early.facts.finished_choices);
  EXPECT_FALSE(early.facts.done);
}

TEST(BedrockStream, AnswerAsToolAndLegacyFunctions) {
  constexpr std::string_view kTool = R"(messageStart {"role":"assistant"}
contentBlockStart {"contentBlockIndex":0,"start":{"toolUse":{"toolUseId":"j","name":"json"}}}
contentBlockDelta {"contentBlockIndex":0,"delta":{"toolUse":{"input":"{\"a\":1}"}}}
contentBlockStop {"contentBlockIndex":0}
messageStop {"stopReason":"tool_use"}
)";
  const Fed schema =
      Exchange(
          R"({"model":"m","stream":true,"messages":[{"role":"user","content":"Hi"}],)"
          R"("response_format":{"type":"json_schema","json_schema":{"name":"x","schema":{}}}})")
          .feed_text(kTool);
  EXPECT_EQ(std::string(kRole) + "{\"content\":\"{\\\"a\\\":1}\"}\n{} \"stop\"\n[DONE]\n",
            digest(schema.client));
  const Fed legacy =
      Exchange(R"({"model":"m","stream":true,"messages":[{"role":"user","content":"Hi"}],)"
               R"("functions":[{"name":"json"}]})")
          .feed_text(kTool);
  EXPECT_EQ(std::string(kRole) +
                "{\"function_call\":{\"name\":\"json\",\"arguments\":\"\"}}\n"
                "{\"function_call\":{\"arguments\":\"{\\\"a\\\":1}\"}}\n"
                "{} \"function_call\"\n[DONE]\n",
            digest(legacy.client));
}

TEST(BedrockStream, RandomEventsAreTheSameAtAnyCut) {
  const unsigned seed = std::random_device{}();
  SCOPED_TRACE(seed);
  std::mt19937 random(seed);
  const std::vector<std::string> lines = {
      "messageStart {\"role\":\"assistant\"}\n",
      "contentBlockStart {\"contentBlockIndex\":1,\"start\":{\"toolUse\":{\"name\":\"f\"}}}\n",
      "contentBlockStart {\"contentBlockIndex\":2,\"start\":{\"toolUse\":{}}}\n",
      "contentBlockDelta {\"contentBlockIndex\":0,\"delta\":{\"text\":\"ab\"}}\n",
      "contentBlockDelta {\"contentBlockIndex\":1,\"delta\":{\"toolUse\":{\"input\":\"1\"}}}\n",
      "contentBlockDelta {\"delta\":\n",
      "contentBlockDelta 7\n",
      "contentBlockStop {\"contentBlockIndex\":1}\n",
      "contentBlockStop {}\n",
      "messageStop {\"stopReason\":3}\n",
      "metadata {\"usage\":[]}\n"};
  for (int round = 0; round < 40; ++round) {
    std::string text;
    for (size_t i = random() % 12; i > 0; --i) text += lines[random() % lines.size()];
    Exchange(kWithUsage).feed_text(text);
  }
}

}  // namespace
}  // namespace weir::test
