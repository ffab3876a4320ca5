#include "adapters/watsonxai/stream_calls.h"

#include "adapters/common/json_walk.h"
#include "adapters/common/openai_chunks.h"
#include "adapters/watsonxai/arguments.h"
#include "json/json_write.h"

namespace weir::watsonx {

namespace {

// Arguments longer than this pass in whatever form they have.
constexpr size_t kMaxHeld = 1024 * 1024;
constexpr size_t kIdLetters = 24;

}  // namespace

// A second call under a number that is taken, with an id of its own, is a new call.
StreamCalls::Open* StreamCalls::find(uint32_t choice, int64_t index, std::string_view id,
                                     bool named) {
  for (size_t i = count_; i-- > 0;) {
    Open& one = calls_[i];
    if (one.choice != choice || one.index != index) continue;
    return named && !id.empty() && id != one.id ? nullptr : &one;
  }
  return nullptr;
}

StreamCalls::Open* StreamCalls::open(Call& call, ChunkWriter* writer, std::string_view json,
                                     uint32_t choice, int64_t index) {
  if (count_ == kMax) return nullptr;
  Open& one = calls_[count_];
  one = Open{};
  for (size_t i = 0; i < count_; ++i) one.position += calls_[i].choice == choice ? 1u : 0u;
  ++count_;
  one.choice = choice;
  one.index = index;
  one.id = call.arena.copy(json_inner(json_member(json, "id")));
  if (one.id.empty()) {
    HeldText id;
    id.add("call_", call.arena);
    id.add(random_text(call.random, count_, kIdLetters, call.arena), call.arena);
    one.id = id.view();
  }
  const std::string_view name = json_inner(json_member(json_member(json, "function"), "name"));
  writer->tool_start(one.position, one.id, name, choice);
  return &one;
}

void StreamCalls::arguments(Call& call, ChunkWriter* writer, std::string_view escaped, Open* one) {
  if (escaped.empty()) return;
  if (one->passing) return writer->tool_arguments(one->position, escaped, one->choice);
  one->arguments.add(escaped, call.arena);
  const std::string_view held = one->arguments.view();
  if (arguments_form(held) != ArgumentsForm::kPlain && held.size() <= kMaxHeld) return;
  one->passing = true;
  writer->tool_arguments(one->position, held, one->choice);
}

bool StreamCalls::delta(Call& call, ChunkWriter* writer, std::string_view json, uint32_t choice) {
  const std::string_view function = json_member(json, "function");
  const bool named = !json_inner(json_member(function, "name")).empty();
  const int64_t index = json_integer(json_member(json, "index"), 0);
  Open* one = find(choice, index, json_inner(json_member(json, "id")), named);
  if (one == nullptr) one = open(call, writer, json, choice, index);
  if (one == nullptr) return false;
  const std::string_view sent = json_member(function, "arguments");
  arguments(call, writer,
            json_inner(json_is_object(sent) ? json_quote(sent, call.scratch) : sent), one);
  return true;
}

void StreamCalls::close(Call& call, ChunkWriter* writer, uint32_t choice) {
  for (size_t i = 0; i < count_; ++i) {
    Open& one = calls_[i];
    if (one.choice != choice || one.passing) continue;
    one.passing = true;
    const std::string_view held = one.arguments.view();
    std::string_view text = held;
    if (arguments_form(held) == ArgumentsForm::kBlank) text = "{}";
    if (arguments_form(held) == ArgumentsForm::kQuoted) {
      const std::string_view inner = arguments_unwrap(call, held);
      if (!inner.empty()) text = inner;
    }
    writer->tool_arguments(one.position, text, choice);
  }
}

}  // namespace weir::watsonx
