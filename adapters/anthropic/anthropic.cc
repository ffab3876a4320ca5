#include "adapters/anthropic/anthropic.h"

#include "adapters/anthropic/errors.h"
#include "adapters/anthropic/head.h"
#include "adapters/anthropic/reply.h"
#include "adapters/anthropic/request.h"
#include "adapters/anthropic/stream.h"

namespace weir {

constexpr Adapter kAnthropicAdapter = {
    .size = sizeof(Adapter),
    .name = "anthropic",
    .endpoints = endpoint_bit(Endpoint::kChat),
    .local = false,
    .prepare = anthropic_prepare,
    .next = anthropic_next,
    .inspect = nullptr,
    .transform_response = anthropic_response,
    .transform_stream = anthropic_stream,
    .map_error = anthropic_map_error,
    .list_request = anthropic_list_request,
    .list_models = anthropic_list_models,
};

}  // namespace weir
