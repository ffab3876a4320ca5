// Reads one answer and judges it: HTTP framing with llhttp, plain bodies for a JSON shape and
// "usage", streams for whole events and [DONE]. One object is used for many answers in turn.
// Thread: that of its client.
#pragma once

#include <llhttp.h>

#include <cstdint>
#include <string>
#include <string_view>

#include "options.h"
#include "tally.h"

namespace weir::load {

class AnswerCheck {
 public:
  enum class State { kReading, kComplete, kBroken };

  explicit AnswerCheck(const Options& options);
  AnswerCheck(const AnswerCheck&) = delete;
  AnswerCheck& operator=(const AnswerCheck&) = delete;

  void begin();
  State feed(std::string_view bytes, std::uint64_t now_ns);
  // The peer closed: complete for an answer that ends with its connection, else broken.
  State feed_end();

  // What is wrong with a complete or broken answer.
  Wrong verdict() const;
  int status() const { return status_; }
  bool keep_alive() const { return keep_alive_; }
  bool is_stream() const { return is_stream_; }
  bool done_seen() const { return done_seen_; }
  std::uint64_t wire_bytes() const { return wire_bytes_; }
  std::uint64_t events() const { return events_; }
  std::uint64_t first_event_ns() const { return first_event_ns_; }
  // Gaps between events of this answer, in order of arrival; cleared by begin().
  const std::vector<std::uint64_t>& gaps() const { return gaps_; }

 private:
  static const llhttp_settings_t* parser_settings();
  static AnswerCheck* from(llhttp_t* parser) { return static_cast<AnswerCheck*>(parser->data); }

  void on_body(std::string_view bytes);
  void on_plain(std::string_view bytes);
  void on_line();
  bool status_expected() const;

  const Options& options_;
  llhttp_t parser_;
  State state_ = State::kReading;
  Wrong broken_by_ = Wrong::kNone;
  std::string field_;
  std::string content_type_;
  std::string line_;
  std::string carry_;
  std::vector<std::uint64_t> gaps_;
  std::uint64_t now_ns_ = 0;
  std::uint64_t wire_bytes_ = 0;
  std::uint64_t events_ = 0;
  std::uint64_t first_event_ns_ = 0;
  std::uint64_t last_event_ns_ = 0;
  int status_ = 0;
  char first_char_ = 0;
  char last_char_ = 0;
  bool keep_alive_ = false;
  bool is_stream_ = false;
  bool usage_seen_ = false;
  bool data_seen_ = false;
  bool done_line_ = false;
  bool done_seen_ = false;
  bool error_seen_ = false;
  bool in_value_ = false;
};

}  // namespace weir::load
