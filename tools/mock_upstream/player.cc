#include "player.h"

#include <algorithm>

namespace weir::mock {
namespace {

constexpr std::size_t kQueueBytes = 64 * 1024;
constexpr std::size_t kGatherBytes = 16 * 1024;
constexpr std::string_view kGarbage = "SSH-2.0-river\r\n\x01\x02\x03 this is not HTTP\r\n\r\n";
constexpr std::string_view kExtra = "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nextra";

}  // namespace

void Player::play(Reply reply) {
  reply_ = std::move(reply);
  // A plain answer has no events to count.
  if (!reply_.answer.stream && reply_.script.stop.unit == Stop::Unit::kPieces) {
    reply_.script.stop.unit = Stop::Unit::kBodyBytes;
  }
  outbox_.clear();
  outbox_at_ = sent_bytes_ = body_bytes_ = pieces_ = 0;
  phase_ = Phase::kDelay;
  advance();
}

void Player::abandon() {
  phase_ = Phase::kIdle;
  timer_.stop();
  beat_.stop();
}

void Player::advance() {
  while (phase_ != Phase::kIdle && !timer_.armed() && !transport_.closing()) {
    if (!step()) return;
  }
}

// One step; false when there is nothing to do before the next event.
bool Player::step() {
  const Script& script = reply_.script;
  // Head, small events and end leave in one write, unless the script is about single writes.
  const bool in_body =
      phase_ == Phase::kBodyDelay || phase_ == Phase::kBody || phase_ == Phase::kTail;
  const bool gather = in_body && outbox_.size() < kGatherBytes && script.gap_ms == 0 &&
                      !script.each && script.split_bytes == 0;
  if (!outbox_.empty() && !gather) return flush();
  if (transport_.queued_bytes() > kQueueBytes) return false;
  switch (phase_) {
    case Phase::kDelay:
      phase_ = Phase::kHead;
      wait(script.delay_ms);
      return true;
    case Phase::kHead:
      return step_head();
    case Phase::kBodyDelay:
      phase_ = Phase::kBody;
      start_heartbeat();
      wait(script.body_delay_ms);
      return true;
    case Phase::kBody:
      return step_body();
    case Phase::kTail:
      // A body cut short lacks its end; the connection closes after it.
      phase_ = Phase::kEnd;
      if (reply_.chunked && !script.short_body) emit("0\r\n\r\n");
      if (script.long_body) emit(kExtra);
      return true;
    case Phase::kEnd:
      finish(script.short_body ? End::kCut : reply_.keep_alive ? End::kKeep : End::kClose);
      return false;
    case Phase::kStopping:
      return stop_here();
    case Phase::kStalled:
    case Phase::kIdle:
      break;
  }
  return false;
}

bool Player::step_head() {
  const Script& script = reply_.script;
  if (script.hang) {
    phase_ = Phase::kStalled;
    return false;
  }
  if (script.close_before_head || script.reset_before_head) {
    finish(script.reset_before_head ? End::kReset : End::kCut);
    return false;
  }
  if (script.garbage) {
    reply_.keep_alive = false;
    phase_ = Phase::kEnd;
    emit(kGarbage);
    return true;
  }
  phase_ = Phase::kBodyDelay;
  emit(reply_.head);
  // The head goes alone when the body is to wait or to come in single writes.
  return script.gap_ms == 0 && script.body_delay_ms == 0 ? true : flush();
}

bool Player::step_body() {
  const Stop& stop = reply_.script.stop;
  const bool stops = stop.action != Stop::Action::kNone;
  if (stops && ((stop.unit == Stop::Unit::kPieces && pieces_ >= stop.count) ||
                (stop.unit == Stop::Unit::kBodyBytes && body_bytes_ >= stop.count))) {
    phase_ = Phase::kStopping;
    return true;
  }
  std::string piece;
  if (!reply_.answer.source->next(&piece)) {
    phase_ = Phase::kTail;
    return true;
  }
  if (stops) limit_piece(piece);
  body_bytes_ += piece.size();
  ++pieces_;
  const bool spoil =
      reply_.script.bad_chunk && reply_.chunked && (pieces_ == 2 || !reply_.answer.stream);
  if (spoil) emit("xyz\r\n");
  emit(reply_frame(reply_.chunked, piece));
  wait(reply_.script.gap_ms);
  // A split event waits for its gap first and leaves in pieces after it: both need the timer.
  if (reply_.script.gap_ms > 0 && reply_.script.split_bytes == 0) flush();
  return true;
}

void Player::limit_piece(std::string& piece) {
  const Stop& stop = reply_.script.stop;
  if (stop.unit != Stop::Unit::kBodyBytes) return;
  piece.resize(std::min<std::size_t>(piece.size(), stop.count - body_bytes_));
}

void Player::emit(std::string_view bytes) {
  const Stop& stop = reply_.script.stop;
  if (stop.action != Stop::Action::kNone && stop.unit == Stop::Unit::kWireBytes) {
    if (phase_ == Phase::kStopping) return;
    const std::uint64_t left = stop.count - std::min(stop.count, sent_bytes_);
    if (left <= bytes.size()) {
      bytes = bytes.substr(0, left);
      phase_ = Phase::kStopping;
    }
  }
  outbox_ += bytes;
  sent_bytes_ += bytes.size();
}

// Writes the outbox, or one split piece of it; false when it must go on later.
bool Player::flush() {
  const std::uint64_t split = reply_.script.split_bytes;
  if (split == 0) {
    transport_.write(outbox_);
    outbox_.clear();
    return true;
  }
  transport_.write(std::string_view(outbox_).substr(outbox_at_, split));
  outbox_at_ += split;
  if (outbox_at_ >= outbox_.size()) {
    outbox_.clear();
    outbox_at_ = 0;
  }
  // Even a pause of nothing waits for the next turn of the loop, which makes a write of its own.
  timer_.start(std::max(reply_.script.pause_ms, 0.0), [this] { advance(); });
  return false;
}

bool Player::stop_here() {
  switch (reply_.script.stop.action) {
    case Stop::Action::kCut:
      finish(End::kCut);
      break;
    case Stop::Action::kReset:
      finish(End::kReset);
      break;
    case Stop::Action::kStall:
    case Stop::Action::kNone:
      phase_ = Phase::kStalled;
      break;
  }
  return false;
}

// Comments flow from the head on, also while the stream stalls: that is what they are for.
void Player::start_heartbeat() {
  if (!reply_.script.heartbeat_ms || !reply_.answer.stream) return;
  beat_.start(*reply_.script.heartbeat_ms, [this] {
    if (phase_ == Phase::kIdle || transport_.closing()) return;
    if (transport_.queued_bytes() < kQueueBytes && outbox_.empty()) {
      transport_.write(
          reply_frame(reply_.chunked, ": river" + reply_.script.eol + reply_.script.eol));
    }
    start_heartbeat();
  });
}

void Player::finish(End end) {
  abandon();
  on_end_(end);
}

}  // namespace weir::mock
