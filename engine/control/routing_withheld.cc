#include "control/routing_withheld.h"

#include "route/target.h"

namespace weir {

namespace {

Result<void> withheld_next(Call& call, Step* step) {
  step->kind = StepKind::kFail;
  step->error.fault = Fault::kCredential;
  step->error.code = Errc::kUpstreamAuth;
  step->error.message = call.target.heads[endpoint_index(call.endpoint)];
  return {};
}

constexpr Adapter kWithheld = {
    .size = sizeof(Adapter),
    .name = "withheld",
    .endpoints = endpoint_bit(Endpoint::kChat) | endpoint_bit(Endpoint::kCompletions) |
                 endpoint_bit(Endpoint::kEmbeddings),
    .local = true,
    .prepare = nullptr,
    .next = withheld_next,
    .inspect = nullptr,
    .transform_response = nullptr,
    .transform_stream = nullptr,
    .map_error = nullptr,
};

}  // namespace

const Adapter* withheld_adapter() { return &kWithheld; }

}  // namespace weir
