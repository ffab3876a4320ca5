// Bodies of the endpoints where watsonx.ai has a form of its own: text generation, which serves
// completions, and embeddings.
//
// A call generates for one prompt and embeds a bounded number of inputs; more become several calls,
// whose number text_parts() says. Worker thread; pure.
#pragma once

#include <weir/adapter.h>

#include "adapters/watsonxai/settings.h"

namespace weir::watsonx {

constexpr uint32_t kInputsPerCall = 1000;

// How many calls this request needs. kInvalidField or kUnsupportedParameter for an input or prompt
// that cannot be sent.
[[nodiscard]] Result<uint32_t> text_parts(const Call& call);

// The body of call number Call::part. The slices borrow from the request and the arena.
[[nodiscard]] Result<void> generation_body(Call& call, const Settings& settings, SliceList* out);
[[nodiscard]] Result<void> embeddings_body(Call& call, const Settings& settings, SliceList* out);

}  // namespace weir::watsonx
