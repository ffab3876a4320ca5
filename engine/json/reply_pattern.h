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

#include "json/reply_view.h"

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
  // A reply with more around its texts, or with more places that may differ, is read each time.
  static constexpr size_t kMaxBytes = 1024;
  static constexpr size_t kMaxSpots = 40;

  // Whether `text` is a reply like the learned one; then *view is what a scan would have found.
  [[nodiscard]] bool match(std::string_view text, ReplyView* view);
  // Whether the next reply that does not match should be learned: each, as long as that pays.
  [[nodiscard]] bool wants_to_learn();
  // `tokens` are the places of all tokens of `text`, `marks` and `view` what a scan found in it.
  void learn(std::string_view text, std::span<const uint32_t> tokens, const ReplyMarks& marks,
             const ReplyView& view);

 private:
  struct Spot {
    uint16_t before = 0;  // bytes that stand between the spot before and this one
    ReplySpot spot = ReplySpot::kAny;
    bool is_text = false;  // from behind the opening quote to the closing one; else digits
  };
  static constexpr uint32_t kMaxPatience = 64;

  [[nodiscard]] bool keep(std::string_view bytes);
  [[nodiscard]] bool keep(std::string_view before, ReplySpot spot, bool is_text);
  [[nodiscard]] bool read(std::string_view text, std::span<const uint32_t> tokens,
                          const ReplyMarks& marks);

  std::array<char, kMaxBytes> bytes_;  // not initialised
  std::array<Spot, kMaxSpots> spots_;
  size_t size_ = 0;  // of bytes_; 0: nothing learned
  size_t spot_count_ = 0;
  size_t tail_ = 0;         // bytes behind the last spot
  uint32_t patience_ = 1;   // misses before it learns again
  uint32_t misses_ = 0;
  ReplyView view_;          // of the learned reply, without its texts and counts
};

}  // namespace weir
