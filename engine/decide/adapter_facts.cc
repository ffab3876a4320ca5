#include "decide/adapter_facts.h"

namespace weir {

namespace {

// A head that is not empty says that the endpoint is served; nothing is ever sent.
Result<void> prepare(const PrepareInput&, std::string* head) {
  head->clear();
  head->push_back('-');
  return {};
}

constexpr Adapter fact(std::string_view name, uint32_t endpoints, bool local = false) {
  return Adapter{.size = sizeof(Adapter),
                 .name = name,
                 .endpoints = endpoints,
                 .local = local,
                 .prepare = prepare,
                 .next = nullptr,
                 .inspect = nullptr,
                 .transform_response = nullptr,
                 .transform_stream = nullptr,
                 .map_error = nullptr};
}

constexpr uint32_t kChat = endpoint_bit(Endpoint::kChat);
constexpr uint32_t kCompletions = endpoint_bit(Endpoint::kCompletions);
constexpr uint32_t kEmbeddings = endpoint_bit(Endpoint::kEmbeddings);
constexpr uint32_t kAll = kChat | kCompletions | kEmbeddings;

constexpr Adapter kFacts[] = {
    fact("openai", kAll),
    fact("openai-compatible", kAll),
    fact("azure-openai", kAll),
    fact("anthropic", kChat),
    fact("bedrock", kChat | kEmbeddings),
    fact("watsonxai", kAll),
    fact("cerebras", kChat | kCompletions),
    fact("nim", kAll),
    fact("loopback", kAll, true),
};

constexpr size_t kCount = sizeof(kFacts) / sizeof(kFacts[0]);

constexpr auto kPointers = [] {
  std::array<const Adapter*, kCount> out{};
  for (size_t i = 0; i < kCount; ++i) out[i] = &kFacts[i];
  return out;
}();

}  // namespace

std::span<const Adapter* const> adapter_facts() { return kPointers; }

}  // namespace weir
