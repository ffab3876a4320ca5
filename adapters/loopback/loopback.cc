#include "adapters/loopback/loopback.h"

#include <algorithm>
#include <cstring>
#include <new>

#include "adapters/common/arena_text.h"
#include "adapters/common/openai_error.h"
#include "adapters/common/openai_request.h"
#include "adapters/loopback/answer.h"
#include "adapters/loopback/embed.h"
#include "adapters/loopback/rehearsal.h"
#include "json/json_write.h"
#include "json/request_scan.h"
#include "route/target.h"

namespace weir {

namespace {

constexpr int64_t kMaxChoices = 128;

enum class Phase : uint8_t { kStart, kHead, kRole, kDelay, kPiece, kFinish, kBody, kEntries, kEnd };

// One answer while it is given; in the attempt's arena, found through its state.
struct Play {
  Phase phase = Phase::kStart;
  Rehearsal rehearsal;
  std::string_view model;
  AnswerForm form;
  LocalAnswer answer;
  EmbedJob embed;
  size_t at = 0;       // in the answer's text
  int64_t pieces = 0;  // written so far
};

struct State {
  Play* play;
};

void step_wait(Step* step, int64_t ms) {
  step->kind = StepKind::kWait;
  step->wait_ms = static_cast<uint32_t>(std::min(ms, Rehearsal::kMaxWaitMs));
}

void step_part(Step* step, LocalReply::Part part, std::string_view data = {}) {
  step->kind = StepKind::kReply;
  step->reply = LocalReply{};
  step->reply.part = part;
  step->reply.data = data;
}

// A rehearsed failure takes the way of a real one: an error body, read as any provider's.
void step_fail(Call& call, const Rehearsal& rehearsal, Step* step) {
  constexpr std::string_view kBody =
      R"({"error":{"message":"loopback rehearses this failure","type":null,"param":null,)"
      R"("code":null}})";
  char* padded = call.scratch.allocate(kBody.size() + RequestScanner::kPadding);
  std::memcpy(padded, kBody.data(), kBody.size());
  std::memset(padded + kBody.size(), 0, RequestScanner::kPadding);
  Reply reply;
  reply.status = rehearsal.fail;
  reply.body = {padded, kBody.size()};
  step->kind = StepKind::kFail;
  openai_map_error(call, reply, &step->error);
  step->error.retry_after_ms = rehearsal.retry_after_ms;
}

Result<Play*> play_make(Call& call) {
  // The client's name tells what to rehearse; an alias leaves that to the configured name.
  const bool by_client = call.request.model.starts_with("loopback/");
  const std::string_view model = by_client ? call.request.model : call.target.model;
  const auto rehearsal = rehearsal_read(model);
  if (!rehearsal) return std::unexpected(rehearsal.error());
  if (call.request.n > kMaxChoices) {
    return std::unexpected(Error{Errc::kInvalidField, "n must be at most 128", "n"});
  }
  Play* play = new (call.arena.allocate(sizeof(Play))) Play();
  play->rehearsal = *rehearsal;
  play->model = model;
  if (call.endpoint == Endpoint::kEmbeddings) {
    const auto job = embed_read(call);
    if (!job) return std::unexpected(job.error());
    play->embed = *job;
  } else {
    play->form = answer_form(call, model);
    play->answer = answer_make(call, *rehearsal);
  }
  return play;
}

bool is_stream(const Call& call) {
  return call.request.stream && call.endpoint != Endpoint::kEmbeddings;
}

// What is waited for before the first byte.
int64_t first_wait_ms(const Call& call, const Play& play) {
  const int64_t words = is_stream(call) ? 0 : play.answer.answer_words;
  return play.rehearsal.stall_ms + play.rehearsal.delay_ms * words;
}

Phase phase_of_word(const Play& play) {
  return play.rehearsal.delay_ms > 0 ? Phase::kDelay : Phase::kPiece;
}

void on_start(Call& call, Play* play, Step* step) {
  play->phase = Phase::kHead;
  step_wait(step, first_wait_ms(call, *play));
}

void on_head(Call& call, Play* play, Step* step) {
  if (play->rehearsal.fail != 0) return step_fail(call, play->rehearsal, step);
  const bool stream = is_stream(call);
  step_part(step, LocalReply::Part::kHead);
  step->reply.status = 200;
  step->reply.content_type = stream ? "text/event-stream; charset=utf-8" : "application/json";
  // Legacy completions have no role to begin with.
  const Phase first_event = play->form.chat ? Phase::kRole : phase_of_word(*play);
  play->phase = stream ? first_event : Phase::kBody;
  if (call.endpoint == Endpoint::kEmbeddings) play->phase = Phase::kEntries;
}

void on_role(Call& call, Play* play, Step* step) {
  ArenaText text(call.scratch);
  role_write(play->form, &text);
  if (!play->answer.tool_name.empty() && play->rehearsal.cut != 0) {
    tool_write(call, play->form, play->answer, &text);
  }
  play->phase = phase_of_word(*play);
  step_part(step, LocalReply::Part::kBody, text.view());
}

void on_piece(Call& call, Play* play, Step* step) {
  if (play->pieces == play->rehearsal.cut) return step_part(step, LocalReply::Part::kCut);
  ArenaText text(call.scratch);
  const std::string_view piece = piece_at(play->answer.text, play->at);
  piece_write(call, play->form, piece, &text);
  play->at += piece.size();
  ++play->pieces;
  play->phase = phase_of_word(*play);
  step_part(step, LocalReply::Part::kBody, text.view());
}

void on_finish(Call& call, Play* play, Step* step) {
  // A rehearsed cut never ends well, however few words there were.
  if (play->rehearsal.cut >= 0) return step_part(step, LocalReply::Part::kCut);
  ArenaText text(call.scratch);
  finish_write(play->form, play->answer, &text);
  play->phase = Phase::kEnd;
  step_part(step, LocalReply::Part::kBody, text.view());
}

void on_body(Call& call, Play* play, Step* step) {
  ArenaText text(call.scratch, play->answer.text.size() + 1024);
  body_write(call, play->form, play->answer, &text);
  play->phase = Phase::kEnd;
  const bool cut = play->rehearsal.cut >= 0;
  step_part(step, LocalReply::Part::kBody,
            cut ? text.view().substr(0, text.size() / 2) : text.view());
}

// One entry at a time, so that many inputs need no more memory than one.
void on_entries(Call& call, Play* play, Step* step) {
  ArenaText text(call.scratch, 4096);
  EmbedJob& job = play->embed;
  if (job.written == 0) text.add("{\"object\":\"list\",\"data\":[");
  const bool cut = play->rehearsal.cut >= 0 && job.written >= play->rehearsal.cut;
  if (cut) {
    play->phase = Phase::kEnd;
  } else if (!embed_next(call, &job, &text)) {
    text.add("],\"model\":").add(json_quote(play->model, call.scratch));
    text.add(",\"usage\":{\"prompt_tokens\":").add_number(job.words);
    text.add(",\"total_tokens\":").add_number(job.words).add("}}");
    play->phase = Phase::kEnd;
  }
  step_part(step, LocalReply::Part::kBody, text.view());
}

Result<void> next(Call& call, Step* step) {
  State* state = call.state.as<State>();
  if (state->play == nullptr) {
    const auto made = play_make(call);
    if (!made) return std::unexpected(made.error());
    state->play = *made;
  }
  Play* play = state->play;
  if (play->phase == Phase::kStart && first_wait_ms(call, *play) == 0) play->phase = Phase::kHead;
  // Behind the last word there is nothing to wait for.
  const bool spoken = play->at == play->answer.text.size() && play->phase != Phase::kRole;
  if (spoken && (play->phase == Phase::kDelay || play->phase == Phase::kPiece)) {
    play->phase = Phase::kFinish;
  }
  switch (play->phase) {
    case Phase::kStart:
      on_start(call, play, step);
      break;
    case Phase::kHead:
      on_head(call, play, step);
      break;
    case Phase::kRole:
      on_role(call, play, step);
      break;
    case Phase::kDelay:
      play->phase = Phase::kPiece;
      step_wait(step, play->rehearsal.delay_ms);
      break;
    case Phase::kPiece:
      on_piece(call, play, step);
      break;
    case Phase::kFinish:
      on_finish(call, play, step);
      break;
    case Phase::kBody:
      on_body(call, play, step);
      break;
    case Phase::kEntries:
      on_entries(call, play, step);
      break;
    case Phase::kEnd:
      step_part(step, play->rehearsal.cut >= 0 ? LocalReply::Part::kCut : LocalReply::Part::kEnd);
      break;
  }
  return {};
}

// Nothing is sent; a head that is not empty says that the endpoint is served.
Result<void> prepare(const PrepareInput& input, std::string* head) {
  head->assign("POST ").append(openai_path(input.endpoint)).append(" HTTP/1.1\r\n");
  head->append("Host: loopback\r\n");
  return {};
}

}  // namespace

constexpr Adapter kLoopbackAdapter = {
    .size = sizeof(Adapter),
    .name = "loopback",
    .endpoints = endpoint_bit(Endpoint::kChat) | endpoint_bit(Endpoint::kCompletions) |
                 endpoint_bit(Endpoint::kEmbeddings),
    .local = true,
    .prepare = prepare,
    .next = next,
    .inspect = nullptr,
    .transform_response = nullptr,
    .transform_stream = nullptr,
    .map_error = nullptr,
    .list_models = nullptr,
};

}  // namespace weir
