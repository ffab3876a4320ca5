// The provider `bedrock`: Amazon Bedrock's Converse and ConverseStream for chats and InvokeModel
// for embeddings, each request signed by SigV4 or with a Bedrock API key.
//
// docs/adapters.md tells what is translated, what is left out and what is refused.
#pragma once

#include <weir/adapter.h>

namespace weir {

extern const Adapter kBedrockAdapter;

}  // namespace weir
