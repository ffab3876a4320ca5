// Writes embedding replies in OpenAI's form, with numbers or as base64 of little-endian 32-bit
// floats: the official client libraries ask for base64 without their user's knowing, and many
// providers know numbers only. Worker thread; pure.
#pragma once

#include <string_view>

#include <weir/adapter.h>

#include "adapters/common/arena_text.h"

namespace weir {

// Whether this request for embeddings asks for base64.
[[nodiscard]] bool embeddings_want_base64(const Call& call);

// The reply with each `data[].embedding` that is a list of numbers written as base64. Empty when
// there is none, or when a list holds anything but numbers.
[[nodiscard]] std::string_view embeddings_to_base64(std::string_view reply, Arena& arena);

// Builds a reply from lists of numbers, for providers with a form of their own.
class EmbeddingsWriter {
 public:
  // `reserve_bytes`: about as large as the provider's replies together.
  EmbeddingsWriter(Arena& arena, bool base64, size_t reserve_bytes);

  // The next entry, from the text of a JSON array; false when it holds anything but numbers.
  [[nodiscard]] bool add(std::string_view list);
  [[nodiscard]] size_t count() const { return count_; }
  // The whole reply, valid as long as the arena. `model_json` is a JSON string token; a negative
  // count of tokens leaves `usage` out.
  [[nodiscard]] std::string_view finish(std::string_view model_json, int64_t prompt_tokens);

 private:
  ArenaText text_;
  ArenaText bytes_;
  bool base64_;
  size_t count_ = 0;
};

}  // namespace weir
