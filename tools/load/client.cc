#include "client.h"

#include <string_view>

namespace weir::load {
namespace {

// A refused connection is tried again at once by a closed loop; a pause keeps that from spinning.
constexpr double kConnectPauseMs = 10;
constexpr std::uint64_t kLateNs = 1'000'000;

}  // namespace

Client::Client(uv_loop_t* loop, const Setup& setup, ClientOwner& owner, Tally& tally,
               std::uint64_t seed)
    : loop_(loop),
      setup_(setup),
      owner_(owner),
      tally_(tally),
      check_(*setup.options),
      pause_(loop),
      random_(seed) {}

void Client::issue(std::uint64_t due_ns) {
  busy_ = true;
  retried_ = false;
  due_ns_ = due_ns;
  abort_at_ = UINT64_MAX;
  const double dice = std::uniform_real_distribution<double>(0, 1)(random_);
  if (dice < setup_.options->abort_fraction) {
    // Some requests are given up before any byte comes, when the gateway still waits upstream.
    abort_at_ = random_() % 8 == 0 ? 0 : 1 + random_() % usual_bytes_;
  }
  if (measured()) ++tally_.sent;
  link_ != nullptr ? send() : connect();
}

void Client::open_only() {
  busy_ = opening_only_ = true;
  connect();
}

void Client::connect() {
  ++tally_.connects;
  answers_on_link_ = 0;
  opened_ = false;
  sent_ns_ = uv_hrtime();
  link_ = new Link(loop_, this);
  const int error = link_->transport.connect_to(reinterpret_cast<const sockaddr*>(&setup_.address),
                                                setup_.tls, setup_.server_name);
  if (error != 0) finish(Wrong::kConnect);
}

void Client::on_open() {
  opened_ = true;
  if (!opening_only_) return send();
  opening_only_ = false;
  become_free(0);
}

std::string_view Client::next_request() {
  if (setup_.max_tokens_at == 0) return *setup_.request;
  if (varied_.empty()) varied_ = *setup_.request;
  varied_.replace(setup_.max_tokens_at, 3, std::to_string(100 + random_() % 900));
  return varied_;
}

void Client::send() {
  check_.begin();
  sent_ns_ = uv_hrtime();
  const bool late = setup_.options->open_loop() && sent_ns_ - due_ns_ > kLateNs;
  if (late && measured()) ++tally_.late;
  link_->transport.write(next_request());
  if (abort_at_ == 0) abort_answer();
}

void Client::on_bytes(std::string_view bytes) {
  if (!busy_) {
    // Bytes that nobody asked for: the connection cannot be trusted any more.
    ++tally_.wrong;
    ++tally_.wrongs[static_cast<std::size_t>(Wrong::kExtraBytes)];
    return drop_link();
  }
  const std::uint64_t left = abort_at_ - check_.wire_bytes();
  const bool aborts = abort_at_ != UINT64_MAX && bytes.size() >= left;
  if (aborts) bytes = bytes.substr(0, left);
  switch (check_.feed(bytes, uv_hrtime())) {
    case AnswerCheck::State::kReading:
      if (aborts) abort_answer();
      return;
    case AnswerCheck::State::kComplete:
    case AnswerCheck::State::kBroken:
      return finish(check_.verdict());
  }
}

void Client::on_gone(int error) {
  if (!busy_) {
    ++tally_.lost_idle;
    return drop_link();
  }
  if (!opened_) return finish(error == UV_EPROTO ? Wrong::kTls : Wrong::kConnect);
  if (check_.wire_bytes() == 0 && answers_on_link_ > 0 && !retried_) {
    retried_ = true;
    ++tally_.stale_retries;
    drop_link();
    return connect();
  }
  if (error != UV_EOF) return finish(error == UV_EPROTO ? Wrong::kTls : Wrong::kReset);
  check_.feed_end();
  finish(check_.verdict());
}

void Client::check_timeout(std::uint64_t now_ns) {
  const auto limit_ns = static_cast<std::uint64_t>(setup_.options->timeout_s * 1e9);
  if (!busy_ || pause_.armed() || now_ns < sent_ns_ + limit_ns) return;
  finish(Wrong::kTimeout);
}

void Client::finish(Wrong wrong) {
  count(wrong, uv_hrtime());
  ++answers_on_link_;
  if (wrong == Wrong::kNone) usual_bytes_ = std::max<std::uint64_t>(1, check_.wire_bytes());
  const bool whole = wrong == Wrong::kNone || wrong == Wrong::kStatus || wrong == Wrong::kNoUsage;
  if (!whole || !check_.keep_alive() || setup_.options->reconnect) {
    drop_link(wrong == Wrong::kTimeout);
  }
  become_free(wrong == Wrong::kConnect || wrong == Wrong::kTls ? kConnectPauseMs : 0);
}

void Client::count(Wrong wrong, std::uint64_t now_ns) {
  if (now_ns >= setup_.window_start_ns && now_ns <= setup_.window_end_ns) {
    ++tally_.ended_in_window;
    tally_.last_end_ns = now_ns;
  }
  if (!measured()) return;
  wrong == Wrong::kNone ? ++tally_.right : ++tally_.wrong;
  if (wrong != Wrong::kNone) ++tally_.wrongs[static_cast<std::size_t>(wrong)];
  if (!opened_) return;
  if (check_.status() != 0) ++tally_.statuses[check_.status()];
  tally_.bytes += check_.wire_bytes();
  if (wrong == Wrong::kNone) tally_.latency.record(now_ns - due_ns_);
  if (!check_.is_stream()) return;
  wrong == Wrong::kNone ? ++tally_.streams_complete : ++tally_.streams_cut;
  tally_.events += check_.events();
  if (check_.events() > 0) tally_.first_event.record(check_.first_event_ns() - due_ns_);
  for (const std::uint64_t gap_ns : check_.gaps()) tally_.gap.record(gap_ns);
}

void Client::abort_answer() {
  const bool reset = random_() % 2 == 0;
  if (measured()) ++(reset ? tally_.aborted_reset : tally_.aborted_fin);
  const std::uint64_t now_ns = uv_hrtime();
  if (now_ns >= setup_.window_start_ns && now_ns <= setup_.window_end_ns) {
    ++tally_.ended_in_window;
    tally_.last_end_ns = now_ns;
  }
  drop_link(reset);
  become_free(0);
}

// The owner may issue the next request at once. Where that could recurse without end (an abort or a
// failed connect inside issue), the loop takes a turn between.
void Client::become_free(double pause_ms) {
  const bool answered = pause_ms == 0 && link_ != nullptr;
  if (answered) {
    busy_ = false;
    return owner_.on_free(*this);
  }
  pause_.start(pause_ms, [this] {
    busy_ = false;
    owner_.on_free(*this);
  });
}

void Client::drop_link(bool reset) {
  if (link_ == nullptr) return;
  link_->client = nullptr;
  reset ? link_->transport.reset() : link_->transport.close();
  link_ = nullptr;
}

}  // namespace weir::load
