// Embeddings by InvokeModel, where each maker's models have a form of their own: Titan and Nova
// take one text per request, so that several are sent for a list; Cohere takes up to 96. Worker
// thread.
#pragma once

#include <weir/adapter.h>

namespace weir {

// The next request of an embeddings call, or the kFanOut that announces several.
[[nodiscard]] Result<void> embeddings_next(Call& call, Step* step);

// All replies as one list in OpenAI's form.
[[nodiscard]] Result<void> embeddings_reply_read(Call& call, const Reply& in, SliceList* out,
                                                 StreamFacts* facts);

}  // namespace weir
