// Plays one reply at a time onto a connection: delays, events and gaps, splitting, heartbeats, and
// the point at which it is to stall or break off. It pulls pieces from the source only while little
// is queued, so a client that does not read costs no memory here.
// The caller keeps the transport alive while a reply plays and calls abandon() before it goes.
// The end is told by the callback, the last thing a play does. Thread: that of the loop.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "../shared/timer.h"
#include "../shared/transport.h"
#include "reply.h"

namespace weir::mock {

class Player {
 public:
  enum class End { kKeep, kClose, kCut, kReset };

  Player(uv_loop_t* loop, tools::Transport& transport, std::function<void(End)> on_end)
      : transport_(transport), on_end_(std::move(on_end)), timer_(loop), beat_(loop) {}

  void play(Reply reply);
  void on_drained() { advance(); }
  void abandon();
  bool playing() const { return phase_ != Phase::kIdle; }
  std::uint64_t sent_bytes() const { return sent_bytes_; }
  std::uint64_t pieces() const { return pieces_; }

 private:
  enum class Phase { kIdle, kDelay, kHead, kBodyDelay, kBody, kTail, kEnd, kStopping, kStalled };

  void advance();
  bool step();
  bool step_head();
  bool step_body();
  void emit(std::string_view bytes);
  bool flush();
  bool stop_here();
  void limit_piece(std::string& piece);
  void wait(double ms) {
    if (ms > 0) timer_.start(ms, [this] { advance(); });
  }
  void start_heartbeat();
  void finish(End end);

  tools::Transport& transport_;
  std::function<void(End)> on_end_;
  tools::Timer timer_;
  tools::Timer beat_;
  Reply reply_;
  Phase phase_ = Phase::kIdle;
  std::string outbox_;
  std::size_t outbox_at_ = 0;
  std::uint64_t sent_bytes_ = 0;  // given to the outbox, head included
  std::uint64_t body_bytes_ = 0;
  std::uint64_t pieces_ = 0;
};

}  // namespace weir::mock
