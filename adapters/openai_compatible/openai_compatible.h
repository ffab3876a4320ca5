// The provider `openai-compatible`: servers that speak OpenAI's form with an accent (vLLM, Ollama,
// llama.cpp, TGI, LM Studio, SGLang and the clouds built on them). All it does is in
// adapters/common/compat.h; docs/adapters.md lists options and repairs.
#pragma once

#include <weir/adapter.h>

namespace weir {

extern const Adapter kOpenaiCompatibleAdapter;

}  // namespace weir
