#include "adapters/bedrock/bedrock.h"

#include "adapters/bedrock/converse_reply.h"
#include "adapters/bedrock/converse_request.h"
#include "adapters/bedrock/converse_stream.h"
#include "adapters/bedrock/embeddings.h"
#include "adapters/bedrock/fault.h"
#include "adapters/bedrock/head.h"
#include "adapters/bedrock/state.h"
#include "adapters/common/retry_after.h"

namespace weir {

namespace {

// AWS takes a signature for five minutes; less than this is not why it was refused.
constexpr int64_t kTellingOffsetMs = 60'000;

// What the provider's clock is ahead of ours, by its Date; 0 when that is nothing to act on.
int64_t clock_offset(const Call& call, const Reply& reply) {
  const int64_t seconds = http_date_read(reply.field("date"));
  if (seconds < 0) return 0;
  const int64_t offset = seconds * 1000 - call.unix_ms;
  return offset > kTellingOffsetMs || offset < -kTellingOffsetMs ? offset : 0;
}

// True for a refusal that may come from a clock that is wrong: the body must be read to know.
bool inspect(const Call& call, const Reply& head) {
  auto& state = *call.state.as<BedrockState>();
  if (state.request_id.empty()) {
    state.request_id = call.arena.copy(head.field("x-amzn-requestid"));
  }
  if (head.status != 400 && head.status != 401 && head.status != 403) return false;
  if (state.resigned || state.fanned || clock_offset(call, head) == 0) return false;
  const std::string_view name = bedrock_fault_name(head);
  return name.empty() || is_clock_fault(name);
}

Result<void> next(Call& call, Step* step) {
  auto& state = *call.state.as<BedrockState>();
  if (call.reply != nullptr && !state.resigned) {
    if (!is_clock_fault(bedrock_fault_name(*call.reply))) {
      step->kind = StepKind::kFail;
      bedrock_map_error(call, *call.reply, &step->error);
      return {};
    }
    state.resigned = true;
    state.clock_offset_ms = clock_offset(call, *call.reply);
    state.request_id = {};
  }
  if (call.endpoint == Endpoint::kEmbeddings) return embeddings_next(call, step);
  const auto body = converse_request_write(call);
  if (!body) return std::unexpected(body.error());
  return bedrock_send(call, *body, step);
}

Result<void> transform_response(Call& call, const Reply& in, SliceList* out, StreamFacts* facts) {
  if (call.endpoint == Endpoint::kEmbeddings) return embeddings_reply_read(call, in, out, facts);
  return converse_reply_read(call, in, out, facts);
}

}  // namespace

constexpr Adapter kBedrockAdapter = {
    .size = sizeof(Adapter),
    .name = "bedrock",
    .endpoints = endpoint_bit(Endpoint::kChat) | endpoint_bit(Endpoint::kEmbeddings),
    .local = false,
    .prepare = bedrock_prepare,
    .next = next,
    .inspect = inspect,
    .transform_response = transform_response,
    .transform_stream = converse_stream_read,
    .map_error = bedrock_map_error,
    .list_request = bedrock_list_request,
    .list_models = bedrock_list_models,
    .second_url = bedrock_second_url,
};

}  // namespace weir
