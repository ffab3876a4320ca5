// Recognises the next event of a stream by the one before it, so that most need no reading.
//
// The events of an answer differ only in the text they carry. Once an event was read and found to
// be plain (it added text, and nothing else that matters), the bytes before and behind that text
// are kept. A later event with the same bytes around a string without an unescaped quote is the
// same JSON but for the text, so it means the same; comparing it costs a few nanoseconds.
// Worker thread; plain bytes, zeroed or reset() before use.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include <weir/adapter.h>

namespace weir {

class EventPattern {
 public:
  // An event with more bytes around its text is read each time.
  static constexpr size_t kMaxBytes = 768;

  void reset() { before_size_ = after_size_ = 0; }

  // How many bytes of `bytes` are an event like the learned one; 0 when they begin with another, or
  // the event goes on behind them. Then `*text_bytes` is the length of its text. So an event is
  // found without a search for its end. `bytes` begins where an event does.
  [[nodiscard]] size_t match(std::string_view bytes, size_t* text_bytes) const;

  // The bytes of all such events that `bytes` begins with. What their texts hold is added to
  // `*text_bytes`.
  [[nodiscard]] size_t match_run(std::string_view bytes, uint64_t* text_bytes) const;

  // `event` was read in full: `before` and `after` are what was known of the stream. Learns only
  // what it can be sure of, and returns whether it did.
  bool learn(std::string_view event, const StreamFacts& before, const StreamFacts& after);

 private:
  std::array<char, kMaxBytes> bytes_;  // before, then after; not initialised
  size_t before_size_ = 0;             // 0: nothing learned
  size_t after_size_ = 0;
};

}  // namespace weir
