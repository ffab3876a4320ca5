// The chunked transfer coding (RFC 9112 section 7.1), strict, both directions.
//
// Our own decoder and not llhttp's, because 8.1 accepts what section 7.1 does not: bare LF, white
// space around sizes, sizes of any length. Fed bytes cut anywhere; gives back spans of the same
// bytes, so nothing is copied. Trailers are checked as header lines and dropped. One thread.
#pragma once

#include <cstdint>
#include <string_view>

#include <weir/types.h>

#include "http/field_lines.h"

namespace weir {

class ChunkedDecoder {
 public:
  static constexpr uint32_t kMaxExtensionBytes = 4096;  // per message; leading zeros count too
  static constexpr uint32_t kMaxTrailerBytes = 16384;
  static constexpr uint32_t kMaxTrailerFields = 256;

  struct Piece {
    std::string_view data;  // decoded bytes, may be empty; borrowed from the input
    size_t consumed = 0;    // input bytes used up, framing included
    bool done = false;      // the last chunk and its trailer have been read
  };
  void reset() { *this = ChunkedDecoder(); }
  // Call again with the rest until consumed == input.size() or done. At least one byte is consumed
  // by each call with non-empty input before the end; bytes behind the end are never consumed.
  // Data in front of a fault is given out first, then the next call refuses. Refusals are
  // kMalformedRequest, or kHeadTooLarge for a trailer over its limits, and are final; for a
  // provider's answer the caller turns them into kUpstreamUnavailable.
  [[nodiscard]] Result<Piece> feed(std::string_view input);
  [[nodiscard]] bool done() const { return state_ == State::kDone; }

 private:
  enum class State : uint8_t {
    kSizeStart,
    kSize,
    kExtension,
    kSizeLf,
    kData,
    kDataCr,
    kDataLf,
    kTrailer,
    kDone,
  };
  const char* scan_framing(const char* p, const char* end, Error* why);
  const char* scan_size(const char* p, const char* end, Error* why);
  const char* scan_extension(const char* p, const char* end, Error* why);
  const char* scan_trailer(const char* p, const char* end, Error* why);

  State state_ = State::kSizeStart;
  uint8_t digits_ = 0;  // significant ones of the size being read
  uint64_t remaining_ = 0;
  uint32_t extension_bytes_ = 0;
  uint32_t trailer_bytes_ = 0;
  FieldLines trailer_;
};

// Writes `<hex size>\r\n` at `to` (18 bytes are enough); returns one past the last byte.
char* write_chunk_size(char* to, uint64_t size);

}  // namespace weir
