// Loopback's embeddings: texts that share words get vectors that point the same way, so a search
// over them finds something, and the same text gives the same vector everywhere.
//
// Each word (ASCII letters in lower case) adds a few signed units at places chosen by its hash; the
// sum is scaled to length one. Worker thread; pure.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include <weir/adapter.h>

#include "adapters/common/arena_text.h"
#include "adapters/common/json_walk.h"

namespace weir {

constexpr int64_t kDefaultDimensions = 256;
constexpr int64_t kMaxDimensions = 4096;
constexpr int64_t kMaxInputs = 2048;

// `vector` is overwritten.
void text_embed(std::string_view text, std::span<float> vector);

// The inputs of one request, written one by one.
struct EmbedJob {
  int64_t dimensions = kDefaultDimensions;
  bool base64 = false;
  bool single = false;  // the input is one text, or one list of tokens
  std::string_view input;
  JsonElements each = JsonElements({});
  int64_t written = 0;
  int64_t words = 0;
};

// Reads and checks the request; kInvalidField names what is wrong.
[[nodiscard]] Result<EmbedJob> embed_read(const Call& call);
// Appends the next entry of `data`; false when there is none left.
[[nodiscard]] bool embed_next(Call& call, EmbedJob* job, ArenaText* out);

}  // namespace weir
