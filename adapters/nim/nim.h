// The provider `nim`: NVIDIA's hosted models, and NIM containers of one's own.
//
// OpenAI's form with an accent, so most of it is openai-compatible's. What differs: a request may
// be answered 202 and its answer fetched later from another host (adapters/nim/polling.h),
// embeddings need `input_type` and come as numbers only, and a few parameters are refused.
#pragma once

#include <weir/adapter.h>

namespace weir {

extern const Adapter kNimAdapter;

}  // namespace weir
