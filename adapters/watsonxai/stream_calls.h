// The tool calls of one chat stream of watsonx.ai: numbers them anew for each choice, says id and
// name once, and holds arguments back while it is not clear in which form they come.
//
// Clients take a call for complete when the next one of its choice begins, so a call is held back
// until those before it are clear. Lives in the attempt's arena; bounded. Worker thread.
#pragma once

#include <array>
#include <string_view>

#include <weir/adapter.h>

#include "adapters/common/chunk_writer.h"
#include "adapters/watsonxai/held_text.h"

namespace weir::watsonx {

class StreamCalls {
 public:
  static constexpr size_t kMax = 128;

  // One element of a delta's `tool_calls`. False when there are too many calls.
  [[nodiscard]] bool delta(Call& call, ChunkWriter* writer, std::string_view json,
                           uint32_t choice);
  // The choice ends: what was held is written, and calls without arguments get `{}`.
  void close(Call& call, ChunkWriter* writer, uint32_t choice);

 private:
  struct Open {
    uint32_t choice = 0;
    uint32_t position = 0;     // within the choice, as the client counts
    int64_t index = 0;         // as the provider counts
    std::string_view id;       // escaped, in the arena, as the next
    std::string_view name;
    HeldText arguments;        // escaped; not written yet
    bool started = false;      // id and name are written
    bool passing = false;      // the arguments' form is known: they pass as they come
  };
  Open* find(uint32_t choice, int64_t index, std::string_view id, bool named);
  Open* open(Call& call, std::string_view json, uint32_t choice, int64_t index);
  void advance(Call& call, ChunkWriter* writer, uint32_t choice);
  static void start(ChunkWriter* writer, Open* one);
  static void settle(Call& call, Open* one, bool over);

  size_t count_ = 0;
  std::array<Open, kMax> calls_;
};

}  // namespace weir::watsonx
