// What a decision needs to know of the provider types: their names and endpoints. The adapters
// themselves bring cryptography along, which a program that only decides does without.
// tests/unit/decide/adapter_facts_test.cc holds this list to adapters/registry.h. Any thread.
#pragma once

#include <span>

#include <weir/adapter.h>

namespace weir {

[[nodiscard]] std::span<const Adapter* const> adapter_facts();

}  // namespace weir
