// Feeding a head to a HeadScanner cut in a given way, shared by the tests of engine/http.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>

#include "http/parser.h"

namespace weir {

// One outcome of scanning: complete with `consumed` bytes, refused with `code` while reading the
// piece that ends at `consumed`, or still waiting for more.
struct ScanOutcome {
  enum class Kind { kMore, kComplete, kRefused };
  Kind kind = Kind::kMore;
  size_t consumed = 0;
  Errc code = Errc::kInternal;
  bool operator==(const ScanOutcome&) const = default;
};

// `bytes` in pieces of `step` bytes.
inline ScanOutcome head_feed(HeadScanner::Kind kind, std::string_view bytes, size_t step,
                             const HeadLimits& limits = {}) {
  HeadScanner scanner(kind);
  size_t at = 0;
  while (at < bytes.size()) {
    // A copy of exact size lets the address sanitizer see a read past the piece.
    const std::string piece(bytes.substr(at, step));
    const auto progress = scanner.feed(piece, limits);
    if (!progress) {
      return {ScanOutcome::Kind::kRefused, at + piece.size(), progress.error().code};
    }
    at += progress->consumed;
    if (progress->status == HeadScanner::Status::kComplete) {
      return {ScanOutcome::Kind::kComplete, at, Errc::kInternal};
    }
    if (progress->consumed != piece.size())
      return {ScanOutcome::Kind::kMore, at, Errc::kOverloaded};
  }
  return {ScanOutcome::Kind::kMore, at, Errc::kInternal};
}

}  // namespace weir
