// What loopback reads out of a request, and the answer it makes from it.
//
// The request was scanned, so it is JSON; a part of it that has another type than expected is
// passed over. Everything returned lives in the attempt's arena or the request. Worker thread;
// pure.
#pragma once

#include <cstdint>
#include <string_view>

#include <weir/adapter.h>

#include "adapters/loopback/rehearsal.h"

namespace weir {

struct LocalAnswer {
  std::string_view text;            // words joined by single spaces
  std::string_view tool_name;       // JSON token; empty: no tool is called
  std::string_view tool_arguments;  // plain text of a JSON object
  std::string_view finish_reason;   // plain
  int64_t prompt_words = 0;
  int64_t answer_words = 0;
};

// The answer to a chat or completions request: the words of the last message (or of the prompt),
// repeated or cut to the wanted number, `max_tokens` and `stop` respected; or a call of a tool,
// when `tool_choice` forces one or the last message says "call NAME".
[[nodiscard]] LocalAnswer answer_make(Call& call, const Rehearsal& rehearsal);

// The next piece of `text` from `at` on: spaces and then a word, so that all pieces give the text.
[[nodiscard]] std::string_view piece_at(std::string_view text, size_t at);

[[nodiscard]] int64_t words_count(std::string_view text);

}  // namespace weir
