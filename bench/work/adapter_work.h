// One adapter of the registry, ready to build requests and to translate a stream of many events:
// what the benches of adapters time and path_count counts. One thread.
#pragma once

#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>

#include "adapters/common/openai_shape.h"
#include "adapters/registry.h"
#include "base/arena.h"
#include "json/reply_scan.h"
#include "json/request_scan.h"
#include "route/target.h"
#include "tests/unit/adapters/bedrock/frames.h"

namespace weir::bench {

inline const std::string kShortChat = R"([{"role":"user","content":"hi"}])";

// A talk of `turns` questions and answers of 512 bytes each, as a JSON array.
inline std::string long_chat(int turns) {
  std::string messages = R"([{"role":"system","content":"Be brief."})";
  for (int i = 0; i < turns; ++i) {
    messages += R"(,{"role":"user","content":")" + std::string(512, 'x') + "\"}";
    messages += R"(,{"role":"assistant","content":")" + std::string(512, 'y') + "\"}";
  }
  return messages + R"(,{"role":"user","content":"go"}])";
}

class AdapterSetup {
 public:
  AdapterSetup(std::string_view type, std::string_view messages) : adapter(*adapter_find(type)) {
    body_ = R"({"model":"chat","stream":true,"messages":)" + std::string(messages) + "}";
    const size_t size = body_.size();
    body_.resize(size + RequestScanner::kPadding);
    if (!request_scanner_.scan(std::string_view(body_).substr(0, size), {}, &view_)) std::abort();
    auto provider = std::make_shared<Provider>();
    provider->name = "bench";
    provider->type = type;
    provider->credential = "secret";
    provider->authority = provider->host = "bedrock-runtime.eu-west-1.amazonaws.com";
    if (type == "bedrock") {
      provider->options = {{"access_key_id", "AKIDBENCH"}, {"secret_access_key", "secret"}};
    }
    if (type == "watsonxai") provider->options = {{"auth", "bearer"}, {"project_id", "p"}};
    target_.provider = provider;
    target_.model = "up-model";
    target_.model_json = "\"up-model\"";
    const PrepareInput input{*provider, target_.model, Endpoint::kChat};
    const auto prepare = adapter.prepare != nullptr ? adapter.prepare : openai_prepare;
    std::string head;
    if (!prepare(input, &head)) std::abort();
    target_.heads[0] = std::move(head);
  }
  AdapterSetup(const AdapterSetup&) = delete;
  AdapterSetup& operator=(const AdapterSetup&) = delete;

  // The first step of an attempt.
  bool next(Step* step) {
    arena_.reset();
    Call call = make_call();
    return (adapter.next != nullptr ? adapter.next : openai_next)(call, step).has_value();
  }
  // Bytes of a stream. False: refused.
  bool translate(std::string_view bytes, SliceList* out) {
    scratch_.reset();
    Call call = make_call();
    return adapter.transform_stream(call, StreamPhase::kEvents, bytes, out, &facts).has_value();
  }

  const Adapter& adapter;
  StreamFacts facts;

 private:
  Call make_call() {
    return {.request = view_,
            .target = target_,
            .endpoint = Endpoint::kChat,
            .unix_ms = 1'700'000'000'000,
            .random = {1, 2},
            .request_id = {},
            .token = {},
            .arena = arena_,
            .scratch = scratch_,
            .scanner = reply_scanner_,
            .state = state_,
            .dropped_params = {}};
  }

  std::string body_;
  RequestScanner request_scanner_;
  ReplyScanner reply_scanner_;
  RequestView view_;
  Target target_;
  Arena arena_, scratch_;
  AdapterState state_;
};

// --- what providers stream: the event of a few words, and what must come before the first -------

inline const std::string kOpenaiEvent =
    R"(data: {"id":"chatcmpl-000000000000","object":"chat.completion.chunk","created":1700000000,)"
    R"("model":"some-model","choices":[{"index":0,"delta":{"content":" word"},"logprobs":null,)"
    "\"finish_reason\":null}]}\n\n";
inline const std::string kQuirkEvent =
    R"(data: {"id":"chatcmpl-000000000000","object":"chat.completion.chunk","created":1700000000,)"
    R"("model":"some-model","choices":[{"index":0,"delta":{"reasoning":" word"},"logprobs":null,)"
    "\"finish_reason\":\"\"}]}\n\n";
inline const std::string kAnthropicStart =
    "event: message_start\n"
    R"(data: {"type":"message_start","message":{"id":"msg_0123456789","type":"message",)"
    R"("role":"assistant","model":"some-model","content":[],"stop_reason":null,)"
    R"("usage":{"input_tokens":20,"output_tokens":1}}})"
    "\n\n";
inline const std::string kAnthropicEvent =
    "event: content_block_delta\n"
    R"(data: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta",)"
    "\"text\":\" a few words\"}}\n\n";
inline const std::string kBedrockEvent =
    test::event_frame("contentBlockDelta", R"({"contentBlockIndex":0,"delta":{"text":" a few)"
                                           R"( words"},"p":"abcdefghijklmnopqrstuvwxyzABC"})");
inline const std::string kWatsonxEvent =
    "id: 3\nevent: message\n"
    R"(data: {"id":"chatcmpl-7","object":"chat.completion.chunk","model_id":"ibm/g",)"
    R"("model":"ibm/g","choices":[{"index":0,"finish_reason":null,"delta":{"content":" a few)"
    R"( words"}}],"created":1700000123,"model_version":"1.0","created_at":"2026-01-01T00:00:00Z"})"
    "\n\n";

struct StreamSample {
  const char* name;
  std::string_view type;
  std::string_view start;
  std::string_view event;
};

inline const StreamSample kStreamSamples[] = {
    {"openai-compatible", "openai-compatible", "", kOpenaiEvent},
    {"openai-compatible quirks", "openai-compatible", "", kQuirkEvent},
    {"azure-openai", "azure-openai", "", kOpenaiEvent},
    {"cerebras quirks", "cerebras", "", kQuirkEvent},
    {"nim", "nim", "", kOpenaiEvent},
    {"anthropic", "anthropic", kAnthropicStart, kAnthropicEvent},
    {"bedrock", "bedrock", "", kBedrockEvent},
    {"watsonxai", "watsonxai", "", kWatsonxEvent},
};

// kEvents events in one read. run() is false when the adapter refused them.
class TranslateWork {
 public:
  static constexpr int kEvents = 64;
  explicit TranslateWork(const StreamSample& sample) : setup_(sample.type, kShortChat) {
    for (int i = 0; i < kEvents; ++i) read_ += sample.event;
    Step step;
    SliceList out;
    good_ = setup_.next(&step) && (sample.start.empty() || setup_.translate(sample.start, &out));
  }
  bool run() {
    SliceList out;
    return setup_.translate(read_, &out) && !out.empty() && good_;
  }
  [[nodiscard]] size_t bytes() const { return read_.size(); }

 private:
  AdapterSetup setup_;
  std::string read_;
  bool good_ = false;
};

}  // namespace weir::bench
