#include "adapters/registry.h"

#include <array>

#include "adapters/anthropic/anthropic.h"
#include "adapters/azure_openai/azure_openai.h"
#include "adapters/bedrock/bedrock.h"
#include "adapters/cerebras/cerebras.h"
#include "adapters/loopback/loopback.h"
#include "adapters/nim/nim.h"
#include "adapters/openai/openai.h"
#include "adapters/openai_compatible/openai_compatible.h"
#include "adapters/watsonxai/watsonxai.h"

namespace weir {

namespace {

constexpr std::array kRegistry = {
    &kOpenaiAdapter,
    &kOpenaiCompatibleAdapter,
    &kAzureOpenaiAdapter,
    &kCerebrasAdapter,
    &kNimAdapter,
    &kLoopbackAdapter,
    &kAnthropicAdapter,
    &kWatsonxaiAdapter,
    &kBedrockAdapter,
};

}  // namespace

std::span<const Adapter* const> adapter_registry() {
  return kRegistry;
}

const Adapter* adapter_find(std::string_view type) {
  for (const Adapter* adapter : kRegistry) {
    if (adapter->name == type) return adapter;
  }
  return nullptr;
}

}  // namespace weir
