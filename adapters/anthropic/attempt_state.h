// What the adapter remembers between the calls of one attempt. It lies in Call::state, which is
// zeroed at the start: zero is the beginning of everything in here. Worker thread.
#pragma once

#include <cstdint>
#include <string_view>

#include <weir/adapter.h>

#include "adapters/common/chunk_writer.h"
#include "http/sse.h"

namespace weir {

// Token counts as Anthropic reports them; each is 0 until `seen` has its bit.
struct MessageUsage {
  enum Count : uint8_t { kInput, kOutput, kCacheWrite, kCacheRead, kThinking, kCounts };
  int64_t counts[kCounts];
  uint8_t seen;
};

// A content block whose end has not come.
struct OpenBlock {
  enum class Kind : uint8_t { kText, kTool, kJsonTool, kIgnored };
  int64_t index;
  std::string_view input;  // of a tool, when it came with the start; in the arena
  uint32_t position;       // of a tool call among its kind
  Kind kind;
  bool used;
  bool arguments;  // some have come
};
constexpr size_t kOpenBlocks = 16;

struct AttemptState {
  // Of the request:
  bool json_tool;     // the answer's JSON is asked for as the input of a tool
  bool legacy_calls;  // the client knows function_call only

  // Of a stream:
  SseBoundary boundary;
  bool failed;  // an error went out: nothing may follow
  char* tail;   // the event that is not whole yet
  size_t tail_size;
  size_t tail_capacity;
  ChunkStream chunks;
  MessageUsage usage;
  std::string_view reason;  // OpenAI's word, static; empty until the provider gave one
  OpenBlock* blocks;        // kOpenBlocks, in the arena; null before the first
};

// The tool that stands in for a response format, for models without one.
constexpr std::string_view kJsonToolName = "json";

inline AttemptState& attempt_state(Call& call) {
  return *call.state.as<AttemptState>();
}

}  // namespace weir
