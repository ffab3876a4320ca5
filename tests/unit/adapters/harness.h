// Plays the engine for one adapter: scans a request, makes a Call, and runs replies and streams
// through the table (or the common OpenAI form where a member is null).
//
// For tests only; allocates freely. One thread.
#pragma once

#include <gtest/gtest.h>

#include <cstring>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include <weir/adapter.h>

#include "adapters/common/openai_shape.h"
#include "adapters/registry.h"
#include "base/arena.h"
#include "http/sse.h"
#include "json/json_write.h"
#include "json/reply_scan.h"
#include "json/request_scan.h"
#include "route/target.h"

namespace weir::test {

inline std::string flat(const SliceList& list) {
  std::string text;
  for (const Slice& slice : list.span()) text.append(slice.view());
  return text;
}

// Text with the readable bytes behind it that the scanners need.
class Padded {
 public:
  explicit Padded(std::string_view text)
      : size_(text.size()), bytes_(new char[size_ + RequestScanner::kPadding]) {
    std::memcpy(bytes_.get(), text.data(), size_);
    std::memset(bytes_.get() + size_, 0, RequestScanner::kPadding);
  }
  [[nodiscard]] std::string_view view() const { return {bytes_.get(), size_}; }

 private:
  size_t size_;
  std::unique_ptr<char[]> bytes_;
};

struct Streamed {
  std::string client;
  StreamFacts facts;
  bool refused = false;  // the transform gave up
  std::string_view refusal;
  bool first_is_error = false;
  UpstreamError error;  // of a first event that is an error
};

class Harness {
 public:
  Harness(std::string_view type, Endpoint endpoint) : endpoint_(endpoint) {
    adapter_ = adapter_find(type);
    auto provider = std::make_shared<Provider>();
    provider_ = provider.get();
    provider_->name = "prov";
    provider_->type = type;
    provider_->adapter = adapter_;
    provider_->host = "api.example";
    provider_->authority = "api.example";
    provider_->base_path = "/v1";
    provider_->credential = "secret-key-123456";
    target_.provider = provider;
    target_.adapter = adapter_;
    model("up-model");
  }
  Harness(const Harness&) = delete;
  Harness& operator=(const Harness&) = delete;

  Provider& provider() { return *provider_; }
  void model(std::string_view name) {
    target_.model = name;
    target_.model_json.clear();
    json_append_string(&target_.model_json, name);
  }

  // Prepares the target and scans the request; false when either is refused.
  bool begin(std::string_view body) {
    std::string head;
    const PrepareInput input{*provider_, target_.model, endpoint_};
    const auto prepared = adapter_->prepare != nullptr ? adapter_->prepare(input, &head)
                                                       : openai_prepare(input, &head);
    if (!prepared) {
      refusal_ = prepared.error();
      return false;
    }
    target_.heads[endpoint_index(endpoint_)] = std::move(head);
    body_ = std::make_unique<Padded>(body);
    const auto scanned = request_scanner_.scan(body_->view(), {}, &view_);
    if (!scanned) {
      refusal_ = scanned.error();
      return false;
    }
    restart();
    return true;
  }
  // A new attempt: zeroed state, empty arenas.
  void restart() {
    state_ = AdapterState{};
    arena_.reset();
    scratch_.reset();
    parts_ = 0;
    call_ = std::make_unique<Call>(Call{.request = view_,
                                        .target = target_,
                                        .endpoint = endpoint_,
                                        .strict_params = strict_,
                                        .unix_ms = 1'700'000'000'000,
                                        .random = {11, 22},
                                        .request_id = "req-1",
                                        .token = {},
                                        .arena = arena_,
                                        .scratch = scratch_,
                                        .scanner = reply_scanner_,
                                        .state = state_,
                                        .dropped_params = {}});
  }
  Call& call() { return *call_; }
  const Adapter& adapter() const { return *adapter_; }
  const Error& refusal() const { return refusal_; }
  void strict() { strict_ = true; }

  Result<void> next(Step* step) {
    scratch_.reset();
    auto done =
        adapter_->next != nullptr ? adapter_->next(*call_, step) : openai_next(*call_, step);
    ++call_->step;
    return done;
  }
  // Runs the program up to what waits for a reply: a send, or the last part of a fan-out. Gives
  // the token that is asked for.
  Result<Step> begin_sending() {
    Step step;
    for (int i = 0; i < 8; ++i) {
      step = Step{};
      if (auto done = next(&step); !done) return std::unexpected(done.error());
      if (step.kind == StepKind::kNeedToken) {
        call_->token = "short-lived-token";
        continue;
      }
      if (step.kind == StepKind::kWait) continue;
      if (step.kind != StepKind::kFanOut) break;
      parts_ = step.count;
      for (uint32_t part = 0; part < parts_; ++part) {
        call_->part = part;
        if (auto done = next(&step); !done) return std::unexpected(done.error());
      }
      break;
    }
    return step;
  }
  // The head and body of the first step; its error when there is none.
  std::string sent() {
    Step step;
    const auto done = next(&step);
    if (!done)
      return "refused: " + std::string(done.error().message) + " [" +
             std::string(done.error().param) + "]\n";
    return std::string(step.request.head) + "\n" + flat(step.request.body);
  }
  // Null transform: the reply itself.
  Result<std::string> answer(std::string_view body, StreamFacts* facts, Reply reply = {}) {
    const Padded padded(body);
    if (adapter_->transform_response == nullptr) return std::string(body);
    reply.status = 200;
    reply.content_type = "application/json";
    reply.body = padded.view();
    const std::vector<Reply> parts(parts_, reply);
    call_->parts = parts;
    SliceList out;
    scratch_.reset();
    const auto done = adapter_->transform_response(*call_, reply, &out, facts);
    call_->parts = {};
    if (!done) return std::unexpected(done.error());
    return flat(out);
  }
  UpstreamError error(Reply reply, std::string_view body) {
    reply_body_ = std::make_unique<Padded>(body);
    reply.body = reply_body_->view();
    UpstreamError error;
    if (adapter_->map_error != nullptr) {
      adapter_->map_error(*call_, reply, &error);
    } else {
      openai_map_error(*call_, reply, &error);
    }
    return error;
  }
  // Feeds a stream in pieces of `step` bytes (0: all at once).
  Streamed stream(std::string_view bytes, size_t step, bool ends) {
    return stream_cut(bytes, ends, [&] { return step == 0 ? bytes.size() : step; });
  }
  // The same in pieces as large as `size_next` says each time.
  template <typename SizeNext>
  Streamed stream_cut(std::string_view bytes, bool ends, SizeNext size_next) {
    restart();
    if (!adapter_->local && adapter_->next != nullptr) static_cast<void>(begin_sending());
    Streamed result;
    std::string tail;
    SseBoundary boundary;
    for (size_t at = 0; at < bytes.size() && !result.refused;) {
      const size_t size = std::min(size_next(), bytes.size() - at);
      // An exact copy, so that a read outside of the piece is seen.
      const std::vector<char> piece(bytes.begin() + static_cast<long>(at),
                                    bytes.begin() + static_cast<long>(at + size));
      at += size;
      const std::string_view view(piece.data(), piece.size());
      if (adapter_->transform_stream != nullptr) {
        transform(StreamPhase::kEvents, view, &result);
      } else {
        observe(view, &boundary, &tail, &result);
      }
    }
    if (ends && !result.refused && adapter_->transform_stream != nullptr) {
      transform(StreamPhase::kEnd, {}, &result);
    }
    if (result.facts.error && result.facts.seen_choices == 0 && !result.client.empty()) {
      result.first_is_error = true;
      openai_map_stream_error(*call_, result.client, &result.error);
    }
    return result;
  }

 private:
  void transform(StreamPhase phase, std::string_view in, Streamed* result) {
    scratch_.reset();
    SliceList out;
    const auto done = adapter_->transform_stream(*call_, phase, in, &out, &result->facts);
    if (done) result->client += flat(out);
    result->refused = !done;
    if (!done) result->refusal = done.error().message;
  }
  void observe(std::string_view in, SseBoundary* boundary, std::string* tail, Streamed* result) {
    size_t size = 0;
    while ((size = boundary->next(in)) != 0) {
      tail->append(in.substr(0, size));
      in.remove_prefix(size);
      const EventVerdict verdict =
          openai_observe_event(*tail, call_->request.include_usage, &result->facts);
      if (verdict != EventVerdict::kHide) result->client += *tail;
      tail->clear();
    }
    tail->append(in);
  }

  const Adapter* adapter_ = nullptr;
  Endpoint endpoint_;
  Provider* provider_ = nullptr;
  Target target_;
  RequestScanner request_scanner_;
  ReplyScanner reply_scanner_;
  std::unique_ptr<Padded> body_;
  std::unique_ptr<Padded> reply_body_;
  RequestView view_;
  Arena arena_;
  Arena scratch_;
  AdapterState state_;
  std::unique_ptr<Call> call_;
  Error refusal_{Errc::kInternal, {}, {}};
  bool strict_ = false;
  uint32_t parts_ = 0;
};

}  // namespace weir::test
