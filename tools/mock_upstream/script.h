// What the mock upstream does with one request: the keys of tools/README.md as plain fields.
// script_parse throws std::invalid_argument with one line that names the wrong key or value.
// A text may hold several scripts parted by ';': ScriptBook hands them out in turn (the last one
// stays) and applies `times` and `every`, counting per text. Thread: that of the server.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace weir::mock {

// Where an answer ends before its end, and how.
struct Stop {
  enum class Action { kNone, kStall, kCut, kReset };
  // Pieces are events of a stream; a plain answer counts body bytes instead.
  enum class Unit { kPieces, kBodyBytes, kWireBytes };
  Action action = Action::kNone;
  Unit unit = Unit::kPieces;
  std::uint64_t count = 0;
};

enum class Framing { kAuto, kLength, kChunked, kClose };
enum class UsageMode { kAsk, kAlways, kNever, kInline, kEach };
enum class BodyForm { kNormal, kNdjson, kHtml, kJson200, kEmpty, kBadJson };

struct Script {
  // Status and error body.
  int status = 200;
  std::optional<std::uint64_t> retry_after;
  std::string code;
  std::string type;
  std::string message;

  // Time, in milliseconds.
  double delay_ms = 0;
  double body_delay_ms = 0;
  double gap_ms = 0;
  double pause_ms = 1;
  std::optional<double> heartbeat_ms;
  std::optional<double> close_idle_ms;
  std::optional<double> stray_ms;
  bool hang = false;

  // What is said.
  std::optional<std::uint64_t> words;
  std::uint64_t big_bytes = 0;
  std::uint64_t events = 64;
  std::uint64_t event_bytes = 200;
  std::uint64_t choices = 1;
  std::uint64_t prompt_tokens = 12;
  std::uint64_t cached_tokens = 0;
  std::optional<std::uint64_t> completion_tokens;
  std::optional<std::string> body;
  std::string content_type;
  BodyForm form = BodyForm::kNormal;
  UsageMode usage = UsageMode::kAsk;
  bool tools = false;
  bool echo = false;
  bool utf8 = false;
  bool plain = false;
  bool no_done = false;
  bool no_finish = false;
  bool one_finish = false;
  bool named = false;
  bool no_space = false;
  std::string eol = "\n";
  std::optional<std::uint64_t> error_at;

  // How it is framed and cut.
  Framing framing = Framing::kAuto;
  Stop stop;
  std::uint64_t split_bytes = 0;
  std::uint64_t informational = 0;
  std::uint64_t head_bytes = 0;
  std::uint64_t fields = 0;
  std::string status_line;
  std::vector<std::pair<std::string, std::string>> headers;
  bool each = false;
  bool reset_before_head = false;
  bool close_before_head = false;
  bool garbage = false;
  bool bad_chunk = false;
  bool short_body = false;
  bool long_body = false;
  bool double_length = false;
  bool both_framings = false;
  bool early = false;
  bool close_after = false;
  bool no_notify = false;

  // When it applies.
  std::uint64_t times = 0;
  std::uint64_t every = 0;
  bool if_reused = false;
};

Script script_parse(std::string_view text);

class ScriptBook {
 public:
  // The script for the next request that named this text. `reused`: not the first request of its
  // connection.
  Script next(const std::string& text, bool reused);
  void forget() { entries_.clear(); }

 private:
  struct Entry {
    std::vector<Script> scripts;
    std::vector<std::uint64_t> applied;
    std::uint64_t asked = 0;
    std::size_t at = 0;
  };
  std::unordered_map<std::string, Entry> entries_;
};

}  // namespace weir::mock
