// Writes one answer, or one chunk of a stream, anew with its known quirks repaired.
//
// Everything that is no quirk is copied as it was written, members in their order. Text is JSON
// already (the reply was scanned); broken text gives kBroken and never a read outside. Worker
// thread; pure.
#pragma once

#include <string_view>

#include <weir/adapter.h>

#include "adapters/common/arena_text.h"
#include "adapters/common/quirks.h"
#include "adapters/common/tool_calls.h"

namespace weir {

enum class RepairResult : uint8_t {
  kUnchanged,  // nothing to repair: pass the original bytes
  kChanged,
  kAborted,  // a finish reason says that the server gave up: the answer is not complete
  kBroken,
};

struct ReplyRepair {
  Call& call;
  const Quirks& quirks;
  bool stream = false;
  OpenCalls* calls = nullptr;  // of the stream; null for a whole reply

  // Out, for a stream:
  std::string_view usage;  // usage that was taken out of a chunk with choices, in `json`
  uint64_t finishing = 0;  // bit per choice that got its finish reason in this chunk

  // Appends the repaired text to `out`. With kUnchanged and worse what was appended is of no use.
  [[nodiscard]] RepairResult run(std::string_view json, ArenaText* out);
};

// `"id":...,"object":...,"created":...,"model":...` of a chunk, for chunks that are added to it.
void chunk_head_write(Call& call, std::string_view json, ArenaText* out);

}  // namespace weir
