// Request heads that were accepted lately, so that one like them is not read again: what a client
// sends on a connection differs from request to request in few places.
//
// Kept is the pattern of a head (head_pattern.h) with the values of the fields that are known to be
// dull; all others may differ: Authorization, ids, traces, cookies. The outcome is what HeadScanner
// and parse_request_head would give: they have passed the same names, and the same values of every
// field that decides about framing. All else is theirs to judge.
//
// A worker's: at most kEntries + 1 entries of 1.5 KB, none before the first head. One thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

#include "http/parser.h"

namespace weir {

class HeadMemo {
 public:
  static constexpr size_t kEntries = 16;
  static constexpr uint8_t kMaxTries = 4;

  // What a connection remembers: where its last head was found, and how often in a row none was.
  struct Hint {
    uint8_t entry = 0;
    uint8_t tries = 0;
  };

  HeadMemo();
  ~HeadMemo();
  HeadMemo(const HeadMemo&) = delete;
  HeadMemo& operator=(const HeadMemo&) = delete;

  // The size of the head at the front of `text` when it is recalled, else 0, and `out` is of no
  // use. Views of `out` borrow from `text`, and from the memo until the next keep(). Of the limits
  // only `max_bytes` may have changed since the head was kept.
  [[nodiscard]] size_t find(std::string_view text, const HeadLimits& limits, Hint* hint,
                            RequestHead* out);
  // `head` was complete, and accepted as `parsed`. Of a connection whose heads never come back,
  // kMaxTries in a row are kept and no more.
  void keep(std::string_view head, const RequestHead& parsed, Hint* hint);

 private:
  struct Entry;
  static bool fill(Entry* entry, std::string_view head, const RequestHead& parsed);
  static size_t match(const Entry& entry, std::string_view text, RequestHead* out);

  std::array<std::unique_ptr<Entry>, kEntries> entries_;
  std::unique_ptr<Entry> spare_;  // where the next one is made
  uint8_t newest_ = 0;            // was found or kept last
  uint8_t oldest_ = 0;            // gives way to the next one
};

}  // namespace weir
