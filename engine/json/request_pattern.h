// Knows a request body by one before it, so that most bodies of a program need no reading.
//
// The bodies that one program sends for one task differ in their texts alone. Of a body that was
// read in full everything is kept but the strings in it, roles and types excepted. Another body
// with the same bytes there, and with good strings in the places between, is JSON of the same
// shape, and its members have the same values or lie where the texts before them have pushed them.
// In doubt nothing matches, and the body is read. No text of a request is kept. A scanner's; one
// thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

#include <weir/types.h>

#include "base/patience.h"
#include "json/text_pattern.h"

namespace weir {

class RequestPattern {
 public:
  // True when `body` is like the learned one; then *view is what a scan would have found. 64 bytes
  // behind it can be read. `read` is how many bytes it looked at.
  [[nodiscard]] bool match(std::string_view body, RequestView* view, size_t* read) const;
  // `tokens` are the places of all tokens of `body`, which was checked in full, and `view` what a
  // scan found in it. False when there is too much to keep; it matches nothing then.
  [[nodiscard]] bool learn(std::string_view body, std::span<const uint32_t> tokens,
                           const RequestView& view);

 private:
  // A member that is there, and the stretches of kept bytes that its value begins and ends in.
  struct Place {
    Field field;
    uint8_t begin;
    uint8_t end;
  };

  [[nodiscard]] bool read(std::string_view body, std::span<const uint32_t> tokens,
                          const RequestView& view);
  [[nodiscard]] uint8_t stretch_of(uint32_t offset) const;

  TextPattern pattern_;
  // Where the stretches of kept bytes began in the learned body.
  std::array<uint32_t, TextPattern::kMaxSpots + 1> begins_;
  std::array<Place, RequestView::kFields> places_;
  size_t place_count_ = 0;
  size_t model_spot_ = 0;  // of the pattern
  RequestView view_;  // of the learned body, without what borrows from it
};

// Those of the bodies that came lately.
class RequestPatterns {
 public:
  static constexpr size_t kCount = 8;

  // As RequestPattern::match. A pattern is only good for a scan with the depth that it was learned
  // with.
  [[nodiscard]] bool match(std::string_view body, uint32_t max_depth, RequestView* view);
  // Whether the next body that does not match should be learned: each, as long as that pays.
  [[nodiscard]] bool wants_to_learn() { return patience_.wants(); }
  void learn(std::string_view body, uint32_t max_depth, std::span<const uint32_t> tokens,
             const RequestView& view);

  [[nodiscard]] size_t held_bytes() const;

 private:
  static constexpr uint8_t kTries = 16;
  // More than that read in vain counts as a try.
  static constexpr size_t kCheapBytes = 64;
  // So often a pattern must match to be worth what it took to learn.
  static constexpr uint8_t kWorthHits = 4;

  struct Entry {
    RequestPattern pattern;
    uint32_t max_depth = 0;
    uint8_t tries = 0;  // how often it may still read much in vain; 0: it has no pattern
    uint8_t hits = 0;   // up to kWorthHits
    uint64_t used = 0;  // the later, the more
  };
  [[nodiscard]] bool try_one(Entry* entry, std::string_view body, uint32_t max_depth,
                             RequestView* view);

  std::array<std::unique_ptr<Entry>, kCount> entries_;
  size_t newest_ = 0;  // matched last
  uint64_t uses_ = 0;
  Patience patience_;
};

}  // namespace weir
