// What the providers share that speak OpenAI's form with an accent: openai-compatible itself and
// the named ones built on the same functions. An adapter says by its Quirks and its rules what
// differs.
//
// Requests get the common edits and those that quirks and rules ask for. Replies and events pass
// byte for byte unless a cheap search finds a known quirk in them; only then are they read and
// written anew. Streams: adapters/common/stream_repair.h. Worker thread.
#pragma once

#include <span>

#include <weir/adapter.h>

#include "adapters/common/body_edits.h"
#include "adapters/common/param_policy.h"
#include "adapters/common/quirks.h"

namespace weir {

// The common edits, the parameter rules and what the quirks ask for. Names that no rule has pass.
[[nodiscard]] Result<void> compat_edits(Call& call, const Quirks& quirks,
                                        std::span<const ParamRule> rules, BodyEdits* edits);

// transform_response(). Numbers become base64 where the client asked for it.
[[nodiscard]] Result<void> compat_response(Call& call, const Quirks& quirks, const Reply& in,
                                           SliceList* out, StreamFacts* facts);

// map_error(): the common reading, and the place of the fault in validation errors
// (`{"detail":[{"loc":["body","temperature"],...}]}` gives the param `temperature`).
void compat_map_error(Call& call, const Reply& in, UpstreamError* out);

}  // namespace weir
