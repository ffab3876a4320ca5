// The provider `cerebras`: api.cerebras.ai, OpenAI's form with flat errors, fewer parameters and no
// embeddings. Built on the functions of openai-compatible; what differs is a table of rules and a
// few quirks.
#pragma once

#include <weir/adapter.h>

namespace weir {

extern const Adapter kCerebrasAdapter;

}  // namespace weir
