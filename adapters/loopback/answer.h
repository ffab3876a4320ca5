// Writes loopback's answers: the chunks of a stream, or one body. Worker thread; pure.
#pragma once

#include <string_view>

#include <weir/adapter.h>

#include "adapters/common/arena_text.h"
#include "adapters/loopback/prompt.h"

namespace weir {

// What the pieces of one answer share; lives in the attempt's arena.
struct AnswerForm {
  std::string_view id;     // JSON token
  std::string_view model;  // JSON token
  int64_t created = 0;
  uint32_t choices = 1;
  bool chat = true;
  bool usage_asked = false;
};

[[nodiscard]] AnswerForm answer_form(Call& call, std::string_view model);

// The first event of each choice, with the role; nothing for legacy completions.
void role_write(const AnswerForm& form, ArenaText* out);
// One event per choice with that piece of text.
void piece_write(Call& call, const AnswerForm& form, std::string_view piece, ArenaText* out);
// The two events of a tool call, per choice.
void tool_write(Call& call, const AnswerForm& form, const LocalAnswer& answer, ArenaText* out);
// The last event of each choice, the usage chunk when it was asked for, and `[DONE]`.
void finish_write(const AnswerForm& form, const LocalAnswer& answer, ArenaText* out);
// The whole answer as one JSON body.
void body_write(Call& call, const AnswerForm& form, const LocalAnswer& answer, ArenaText* out);

}  // namespace weir
