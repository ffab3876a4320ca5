// The provider `watsonxai`: IBM watsonx.ai, in the cloud and on premises.
//
// Chat is close to OpenAI's form, so bodies pass with edits; streams have a path of their own
// instead of a member. Completions go to text generation and embeddings to its own form. Every call
// carries a version in its query and a project or space in its body, and is authorized by a
// short-lived token that an API key is exchanged for. docs/adapters.md has the whole list.
#pragma once

#include <weir/adapter.h>

namespace weir {

extern const Adapter kWatsonxaiAdapter;

}  // namespace weir
