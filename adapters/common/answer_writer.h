// Puts a whole chat.completion together, for adapters whose provider speaks something else.
//
// Parts are given in any order and number; the text of one kind is joined. Text named `escaped` is
// what stands between the quotes of a JSON string and is not decoded; when there is only one piece
// of it, the answer borrows it, so it must live as long as the reply's body or the call's scratch.
// Made for one call of transform_response(). Worker thread.
#pragma once

#include <string_view>

#include <weir/adapter.h>

#include "adapters/common/arena_text.h"

namespace weir {

class AnswerWriter {
 public:
  AnswerWriter(Call& call, bool legacy_calls = false)
      : call_(call), tools_(call.scratch, 512), legacy_(legacy_calls) {}

  void content(std::string_view escaped) { content_.add(escaped, call_.scratch); }
  void reasoning(std::string_view escaped) { reasoning_.add(escaped, call_.scratch); }
  void refusal(std::string_view escaped) { refusal_.add(escaped, call_.scratch); }
  // `arguments` is JSON text, the value itself; empty text stands for {}.
  void tool_call(std::string_view id, std::string_view name, std::string_view arguments);
  // One more member of the message: `"key":value`, borrowed.
  void member(std::string_view text) { member_ = text; }
  [[nodiscard]] size_t tool_calls() const { return tool_count_; }

  // Pushes the answer. `id` and `model` escaped, empty as in ChunkWriter::begin(); `reason` one of
  // OpenAI's words; `extra` more members of `usage`, each with a comma before it.
  [[nodiscard]] Result<void> write(std::string_view id, std::string_view model,
                                   std::string_view reason, const Usage& usage, SliceList* out,
                                   StreamFacts* facts, std::string_view extra = {});

 private:
  // Text of one kind: borrowed while it is one piece.
  struct Joined {
    std::string_view text;
    char* own = nullptr;
    size_t capacity = 0;
    bool any = false;
    void add(std::string_view piece, Arena& arena);
  };

  Call& call_;
  Joined content_;
  Joined reasoning_;
  Joined refusal_;
  ArenaText tools_;
  std::string_view member_;
  size_t tool_count_ = 0;
  size_t argument_bytes_ = 0;
  bool legacy_;
};

}  // namespace weir
