#include "adapters/watsonxai/watsonxai.h"

#include "adapters/common/openai_error.h"
#include "adapters/watsonxai/chat_body.h"
#include "adapters/watsonxai/error.h"
#include "adapters/watsonxai/models.h"
#include "adapters/watsonxai/reply.h"
#include "adapters/watsonxai/settings.h"
#include "adapters/watsonxai/stream.h"
#include "adapters/watsonxai/text_body.h"
#include "adapters/watsonxai/token.h"
#include "route/target.h"

namespace weir {

namespace {

using namespace watsonx;

// Where an attempt stands; the zero of new memory is its start.
enum class Phase : uint8_t {
  kStart,
  kSent,
  kRefreshing,  // the token was refused and another one was asked for
  kSentAgain,
  kParts,       // the request goes out in parts
};

constexpr size_t kMaxMessage = 4096;

struct Attempt {
  Phase phase;
  StreamState* stream;
};

Result<void> body_make(Call& call, const Settings& settings, SliceList* out) {
  switch (call.endpoint) {
    case Endpoint::kChat:
      return chat_body(call, settings, out);
    case Endpoint::kCompletions:
      return generation_body(call, settings, out);
    case Endpoint::kEmbeddings:
      return embeddings_body(call, settings, out);
  }
  return {};
}

Result<void> send(Call& call, const Settings& settings, Step* step) {
  if (call.target.heads[endpoint_index(call.endpoint)].empty()) {
    return std::unexpected(
        Error{Errc::kUnsupportedEndpoint, "this model does not serve this endpoint", "model"});
  }
  step->kind = StepKind::kSend;
  step->request.head = head_complete(call, settings);
  return body_make(call, settings, &step->request.body);
}

Result<void> need_token(bool refresh, Step* step) {
  step->kind = StepKind::kNeedToken;
  step->refresh = refresh;
  return {};
}

Result<void> begin(Call& call, const Settings& settings, Attempt* attempt, Step* step) {
  const auto parts = text_parts(call);
  if (!parts) return std::unexpected(parts.error());
  if (*parts == 1) {
    attempt->phase = Phase::kSent;
    return send(call, settings, step);
  }
  attempt->phase = Phase::kParts;
  step->kind = StepKind::kFanOut;
  step->count = *parts;
  return {};
}

// A token may be refused before its time; one other is tried, and what that brings counts.
Result<void> next(Call& call, Step* step) {
  const Settings settings = settings_read(*call.target.provider);
  auto* attempt = call.state.as<Attempt>();
  if (attempt->phase == Phase::kParts) return send(call, settings, step);
  if (attempt->phase == Phase::kSent && call.reply != nullptr) {
    attempt->phase = Phase::kRefreshing;
    return need_token(true, step);
  }
  if (attempt->phase == Phase::kSentAgain && call.reply != nullptr) {
    step->kind = StepKind::kFail;
    map_error(call, *call.reply, &step->error);
    return {};
  }
  if (settings.needs_token() && call.token.empty()) {
    return need_token(attempt->phase == Phase::kRefreshing, step);
  }
  if (attempt->phase == Phase::kStart) return begin(call, settings, attempt, step);
  attempt->phase = Phase::kSentAgain;
  return send(call, settings, step);
}

bool inspect(const Call& call, const Reply& head) {
  if (head.status != 401 || !settings_read(*call.target.provider).needs_token()) return false;
  // Parts go out once; their token was good when the first of them did.
  return call.state.as<Attempt>()->phase != Phase::kParts;
}

Result<void> transform_response(Call& call, const Reply& in, SliceList* out, StreamFacts* facts) {
  // A good status around an error.
  if (ErrorReading reading; error_read(in.body, in.status, call.arena, &reading)) {
    const std::string_view credential = call.target.provider->credential;
    return std::unexpected(
        Error{Errc::kUpstreamUnavailable,
              message_clean(reading.message, credential, kMaxMessage, call.arena), {}});
  }
  switch (call.endpoint) {
    case Endpoint::kChat:
      return chat_reply(call, in, out, facts);
    case Endpoint::kCompletions:
      return generation_reply(call, in, out, facts);
    case Endpoint::kEmbeddings:
      return embeddings_reply(call, in, out, facts);
  }
  return {};
}

Result<void> transform_stream(Call& call, StreamPhase phase, std::string_view in, SliceList* out,
                              StreamFacts* facts) {
  return stream_transform(call, &call.state.as<Attempt>()->stream, phase, in, out, facts);
}

}  // namespace

constexpr Adapter kWatsonxaiAdapter = {
    .size = sizeof(Adapter),
    .name = "watsonxai",
    .endpoints = endpoint_bit(Endpoint::kChat) | endpoint_bit(Endpoint::kCompletions) |
                 endpoint_bit(Endpoint::kEmbeddings),
    .local = false,
    .prepare = head_prepare,
    .next = next,
    .inspect = inspect,
    .transform_response = transform_response,
    .transform_stream = transform_stream,
    .map_error = map_error,
    .list_request = list_request,
    .list_models = list_models,
    .second_url = nullptr,
    .token_request = token_request,
    .token_reply = token_reply,
};

}  // namespace weir
