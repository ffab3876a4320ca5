#include "adapters/watsonxai/stream_calls.h"

#include <algorithm>

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

StreamCalls::Open* StreamCalls::open(Call& call, std::string_view json, uint32_t choice,
                                     int64_t index) {
  if (count_ == kMax) return nullptr;
  Open& one = calls_[count_];
  one = Open{};
  for (size_t i = 0; i < count_; ++i) one.position += calls_[i].choice == choice ? 1u : 0u;
  ++count_;
  one.choice = choice;
  one.index = index;
  one.id = call.arena.copy(json_inner(json_member(json, "id")));
  one.name = call.arena.copy(json_inner(json_member(json_member(json, "function"), "name")));
  if (one.id.empty()) {
    HeldText id;
    id.add("call_", call.arena);
    id.add(random_text(call.random, count_, kIdLetters, call.arena), call.arena);
    one.id = id.view();
  }
  return &one;
}

void StreamCalls::start(ChunkWriter* writer, Open* one) {
  if (!one->started) writer->tool_start(one->position, one->id, one->name, one->choice);
  one->started = true;
}

// Decides whether the arguments that are held can be written. `over`: more of them is unlikely.
void StreamCalls::settle(Call& call, Open* one, bool over) {
  const std::string_view held = one->arguments.view();
  const ArgumentsForm form = arguments_form(held);
  if (form == ArgumentsForm::kPlain || held.size() > kMaxHeld) one->passing = true;
  if (one->passing || !over || form != ArgumentsForm::kQuoted) return;
  const std::string_view inner = arguments_unwrap(call, held);
  if (inner.empty()) return;
  one->passing = true;
  one->arguments.clear();
  one->arguments.add(inner, call.arena);
}

void StreamCalls::advance(Call& call, ChunkWriter* writer, uint32_t choice) {
  for (size_t i = 0; i < count_; ++i) {
    Open& one = calls_[i];
    if (one.choice != choice) continue;
    start(writer, &one);
    const bool followed = std::any_of(calls_.begin() + static_cast<long>(i) + 1,
                                      calls_.begin() + static_cast<long>(count_),
                                      [&](const Open& later) { return later.choice == choice; });
    if (!one.passing) settle(call, &one, followed);
    if (!one.passing) return;
    writer->tool_arguments(one.position, one.arguments.view(), choice);
    one.arguments.clear();
  }
}

bool StreamCalls::delta(Call& call, ChunkWriter* writer, std::string_view json, uint32_t choice) {
  const std::string_view function = json_member(json, "function");
  const bool named = !json_inner(json_member(function, "name")).empty();
  const int64_t index = json_integer(json_member(json, "index"), 0);
  Open* one = find(choice, index, json_inner(json_member(json, "id")), named);
  if (one == nullptr) one = open(call, json, choice, index);
  if (one == nullptr) return false;
  const std::string_view sent = json_member(function, "arguments");
  one->arguments.add(json_inner(json_is_object(sent) ? json_quote(sent, call.scratch) : sent),
                     call.arena);
  advance(call, writer, choice);
  return true;
}

void StreamCalls::close(Call& call, ChunkWriter* writer, uint32_t choice) {
  for (size_t i = 0; i < count_; ++i) {
    Open& one = calls_[i];
    if (one.choice != choice) continue;
    start(writer, &one);
    if (!one.passing) settle(call, &one, true);
    const std::string_view held = one.arguments.view();
    const bool none = !one.passing && arguments_form(held) == ArgumentsForm::kBlank;
    writer->tool_arguments(one.position, none ? "{}" : held, choice);
    one.passing = true;
    one.arguments.clear();
  }
}

}  // namespace weir::watsonx
