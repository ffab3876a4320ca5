// Writes the events of an OpenAI chat stream for adapters whose provider speaks something else.
//
// A ChunkStream lies in the adapter's state and lives as long as the attempt; zeroed memory is a
// stream that has not begun. A ChunkWriter is made for one call of transform_stream(); it writes to
// the call's scratch, keeps the StreamFacts right, and flush() hands everything over as one slice.
// All text parameters named `escaped` are what stands between the quotes of a JSON string, and are
// copied as they are: providers speak JSON too, so nothing is decoded. Worker thread.
#pragma once

#include <string_view>

#include <weir/adapter.h>

#include "adapters/common/arena_text.h"

namespace weir {

struct ChunkStream {
  std::string_view head;    // of each chunk, up to the number of its choice; in the arena
  uint64_t roles = 0;       // bit per choice that was opened
  uint32_t tool_calls = 0;  // how many tool_start() began, of all choices
  bool ended = false;       // done() or error() was written: nothing may follow
};

// An error that came as an event of a stream. `type` and `code` empty: by status.
struct ChunkError {
  int status = 502;
  std::string_view type;
  std::string_view code;
  std::string_view message;  // plain text, cleaned here
};

class ChunkWriter {
 public:
  // `capacity`: about how many bytes this call will write.
  ChunkWriter(Call& call, ChunkStream* stream, StreamFacts* facts, size_t capacity);

  // Names the answer, once. `id` and `model` are escaped; an empty id is made up, an empty model is
  // the one that was asked for. `created` in seconds; 0 takes the call's clock.
  void begin(std::string_view id, std::string_view model, int64_t created = 0);
  [[nodiscard]] bool begun() const { return !stream_.head.empty(); }

  // The opening delta, which says the role. Written by itself before any other delta; an adapter
  // calls it where a choice has nothing else.
  void role(uint32_t choice = 0);
  // Deltas of text. Empty text writes nothing.
  void content(std::string_view escaped, uint32_t choice = 0);
  void reasoning(std::string_view escaped, uint32_t choice = 0);
  void refusal(std::string_view escaped, uint32_t choice = 0);
  // `position` counts the tool calls of a choice from 0. With `legacy` the delta is the older
  // `function_call`, of which a choice can have only one.
  void tool_start(uint32_t position, std::string_view id, std::string_view name,
                  uint32_t choice = 0, bool legacy = false);
  void tool_arguments(uint32_t position, std::string_view escaped, uint32_t choice = 0,
                      bool legacy = false);
  // `members` is the JSON text of a delta's members, for extensions.
  void delta(std::string_view members, uint32_t choice = 0);
  // `reason` is one of OpenAI's words.
  void finish(std::string_view reason, uint32_t choice = 0);
  // Notes the counts for the ledger, and writes the chunk if the client asked for it. `extra` is
  // more members of `usage`, each with a comma before it.
  void usage(const Usage& usage, std::string_view extra = {});
  void done();
  // Ends the stream. As the first event it stands for a failed reply: the engine reads its status.
  void error(const ChunkError& error);

  [[nodiscard]] Result<void> flush(SliceList* out) const;

 private:
  void open(uint32_t choice);
  void close(std::string_view reason);
  void text(std::string_view key, std::string_view escaped, uint32_t choice);

  Call& call_;
  ChunkStream& stream_;
  StreamFacts* facts_;
  ArenaText out_;
};

// The JSON text of a `usage` object: all three totals, details only where they are known.
void usage_write(const Usage& usage, std::string_view extra, ArenaText* out);

// Prompt, completion and total (their sum where they are known), marked as the provider's.
[[nodiscard]] Usage usage_make(int64_t prompt, int64_t completion, int64_t cached = -1,
                               int64_t reasoning = -1);

// Appends `escaped` or, when it is empty, "chatcmpl-" and random letters; no quotes.
void answer_id_write(Call& call, std::string_view escaped, ArenaText* out);

}  // namespace weir
