// The provider `openai-compatible`: servers that speak OpenAI's form with an accent (vLLM, Ollama,
// llama.cpp, TGI, LM Studio, SGLang and the clouds built on them).
//
// Requests get the common edits and those that the provider's options ask for. Replies and events
// pass byte for byte unless a cheap search finds a known quirk in them; only then are they read and
// written anew. docs/adapters.md lists options and repairs.
#pragma once

#include <weir/adapter.h>

namespace weir {

extern const Adapter kOpenaiCompatibleAdapter;

}  // namespace weir
