// The adapter for Anthropic's Messages API: chat completions translated both ways.
//
// A constant table; see adapters/registry.cc and the section in docs/adapters.md.
#pragma once

#include <weir/adapter.h>

namespace weir {

extern const Adapter kAnthropicAdapter;

}  // namespace weir
