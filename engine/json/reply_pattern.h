// Knows the next whole reply by the one before it, so that most need no reading.
//
// The replies of one model differ in their ids, texts and counts. Of a reply that was read in full
// the bytes between those are kept; another with the same bytes there, and with good strings and
// numbers in their places, is JSON of the same shape and says the same about everything else. What
// its own texts and counts say is read where they stand. In doubt nothing matches, and the reply is
// read. Worker thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "base/patience.h"
#include "json/reply_view.h"
#include "json/text_pattern.h"

namespace weir {

// What a place may hold that differs from reply to reply, and what follows from it.
enum class ReplySpot : uint8_t {
  kAny,  // nothing
  kModel,
  kText,
  kPromptTokens,
  kCompletionTokens,
  kTotalTokens,
  kCachedTokens,
  kReasoningTokens,
};

// Where such places are, noted by the walk over a reply, in the order of the text. Everything that
// lies in no mark counts for what the walk found.
class ReplyMarks {
 public:
  struct Mark {
    uint32_t begin = 0;
    uint32_t end = 0;
    ReplySpot spot = ReplySpot::kAny;
  };

  void add(uint32_t begin, uint32_t end, ReplySpot spot);
  // The reply is none to learn from.
  void refuse() { refused_ = true; }
  [[nodiscard]] bool refused() const { return refused_; }
  [[nodiscard]] std::span<const Mark> all() const { return {marks_.data(), count_}; }

 private:
  static constexpr size_t kMax = 48;
  std::array<Mark, kMax> marks_;
  size_t count_ = 0;
  uint32_t seen_ = 0;  // bit ReplySpot, of those that a reply may have once
  bool refused_ = false;
};

class ReplyPattern {
 public:
  // Whether `text` is a reply like the learned one; then *view is what a scan would have found.
  // RequestScanner::kPadding bytes behind it can be read.
  [[nodiscard]] bool match(std::string_view text, ReplyView* view);
  // Whether the next reply that does not match should be learned: each, as long as that pays.
  [[nodiscard]] bool wants_to_learn() { return patience_.wants(); }
  // `tokens` are the places of all tokens of `text`, `marks` and `view` what a scan found in it.
  void learn(std::string_view text, std::span<const uint32_t> tokens, const ReplyMarks& marks,
             const ReplyView& view);

 private:
  [[nodiscard]] bool add(std::string_view before, ReplySpot spot, bool is_text);
  [[nodiscard]] bool read(std::string_view text, std::span<const uint32_t> tokens,
                          const ReplyMarks& marks);

  TextPattern pattern_;
  std::array<ReplySpot, TextPattern::kMaxSpots> spots_;  // what its places hold
  Patience patience_;
  ReplyView view_;  // of the learned reply, without its texts and counts
};

}  // namespace weir
