// What an attempt at Bedrock remembers between calls, in Call::state: zeroed at its start. Worker
// thread.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "adapters/bedrock/event_stream.h"
#include "adapters/common/chunk_writer.h"

namespace weir {

struct BedrockState {
  static constexpr size_t kOpenBlocks = 8;
  // A tool call whose end has not come. Blocks come one after the other, so few are open at once.
  struct OpenBlock {
    int32_t block;  // the provider's index plus one; 0: free
    uint32_t position;
    bool ignored;    // the provider runs this tool itself
    bool arguments;  // some have come
  };

  StreamCarry carry;
  ChunkStream chunks;
  std::array<OpenBlock, kOpenBlocks> blocks;
  std::string_view request_id;    // in the arena
  const std::string_view* texts;  // of a request for embeddings: string tokens, in the arena
  uint32_t text_count;
  bool fanned;              // several requests are made for it
  int64_t clock_offset_ms;  // what the provider's clock is ahead of ours
  bool resigned;            // one more signature was made after a refusal
  bool legacy;              // the client used `functions`
  bool json_tool;           // the answer comes as the arguments of a tool of ours
};

// The tool whose arguments are the answer, for models that know no other way to keep to a schema.
constexpr std::string_view kJsonTool = "json";

}  // namespace weir
