#include "http/chunked.h"

#include <algorithm>
#include <bit>

#include "http/bytes.h"

namespace weir {

namespace {

// 15 digits cannot overflow 64 bits, nor can a sum of such sizes overflow within a real stream.
constexpr uint8_t kMaxSizeDigits = 15;

const char* refuse(Error* why, std::string_view message) {
  *why = {Errc::kMalformedRequest, message};
  return nullptr;
}

// The framing between two chunks as nearly all senders write it: a size of a few digits without
// zeros in front, no extension, not the last. Where its data begins; null where it is another, or
// not all here.
const char* plain_chunk_begin(const char* p, const char* end, uint64_t* size) {
  constexpr ptrdiff_t kMaxDigits = 7;
  if (end - p < kMaxDigits + 4 || p[0] != '\r' || p[1] != '\n' || p[2] == '0') return nullptr;
  p += 2;
  const char* const digits = p;
  uint32_t value = 0;
  for (int digit = hex_value(*p); digit >= 0; digit = hex_value(*++p)) {
    if (p - digits == kMaxDigits) return nullptr;
    value = value << 4 | static_cast<uint32_t>(digit);
  }
  if (p == digits || p[0] != '\r' || p[1] != '\n') return nullptr;
  *size = value;
  return p + 2;
}

}  // namespace

Result<ChunkedDecoder::Piece> ChunkedDecoder::feed(std::string_view input) {
  const char* const begin = input.data();
  const char* const end = begin + input.size();
  const char* p = begin;
  if (state_ != State::kData) {
    Error why{};
    p = scan_framing(p, end, &why);
    if (p == nullptr) return std::unexpected(why);
  }
  Piece piece;
  if (state_ == State::kData) {
    const uint64_t here = std::min<uint64_t>(remaining_, static_cast<uint64_t>(end - p));
    piece.data = {p, static_cast<size_t>(here)};
    p += here;
    remaining_ -= here;
    if (remaining_ == 0) {
      state_ = State::kDataCr;
      if (const char* data = plain_chunk_begin(p, end, &remaining_)) {
        state_ = State::kData;
        piece.consumed = static_cast<size_t>(data - begin);
        return piece;
      }
      // What follows is often here already. A fault in it must not swallow the data in front, and
      // must be found at the same byte for every cut, so it is tried on a copy.
      ChunkedDecoder next = *this;
      Error ignored{};
      const char* after = next.scan_framing(p, end, &ignored);
      if (after != nullptr) {
        *this = next;
        p = after;
      }
    }
  }
  piece.consumed = static_cast<size_t>(p - begin);
  piece.done = done();
  return piece;
}

const char* ChunkedDecoder::scan_framing(const char* p, const char* end, Error* why) {
  while (p != end && p != nullptr) {
    switch (state_) {
      case State::kSizeStart:
      case State::kSize:
        p = scan_size(p, end, why);
        break;
      case State::kExtension:
        p = scan_extension(p, end, why);
        break;
      case State::kSizeLf:
        if (*p != '\n') return refuse(why, "the line of a chunk size must end in CRLF");
        ++p;
        state_ = remaining_ == 0 ? State::kTrailer : State::kData;
        break;
      case State::kDataCr:
        if (*p != '\r') return refuse(why, "CRLF must follow the data of a chunk");
        ++p;
        state_ = State::kDataLf;
        break;
      case State::kDataLf:
        if (*p != '\n') return refuse(why, "CRLF must follow the data of a chunk");
        ++p;
        state_ = State::kSizeStart;
        break;
      case State::kTrailer:
        p = scan_trailer(p, end, why);
        break;
      case State::kData:
      case State::kDone:
        return p;
    }
  }
  return p;
}

const char* ChunkedDecoder::scan_size(const char* p, const char* end, Error* why) {
  for (; p != end; ++p) {
    const int digit = hex_value(*p);
    if (digit < 0) {
      if (state_ == State::kSizeStart) return refuse(why, "a chunk size has no digit");
      if (*p != ';' && *p != '\r') return refuse(why, "a chunk size is not hexadecimal");
      state_ = *p == ';' ? State::kExtension : State::kSizeLf;
      digits_ = 0;
      return p + 1;
    }
    state_ = State::kSize;
    if (digit == 0 && digits_ == 0) {
      // Zeros in front mean nothing, so they draw on the allowance of extensions.
      if (extension_bytes_ == kMaxExtensionBytes) return refuse(why, "a chunk size is too long");
      ++extension_bytes_;
      continue;
    }
    if (digits_ == kMaxSizeDigits) return refuse(why, "a chunk size has too many digits");
    ++digits_;
    remaining_ = remaining_ * 16 + static_cast<uint64_t>(digit);
  }
  return p;
}

const char* ChunkedDecoder::scan_extension(const char* p, const char* end, Error* why) {
  const size_t allowed = kMaxExtensionBytes - extension_bytes_;
  const char* const stop = p + std::min(static_cast<size_t>(end - p), allowed);
  const char* const begin = p;
  p = bytes_skip(p, stop, kVisibleByte);
  extension_bytes_ += static_cast<uint32_t>(p - begin);
  if (p == end) return p;
  if (*p == '\r') {
    state_ = State::kSizeLf;
    return p + 1;
  }
  if (byte_is(*p, kVisibleByte)) return refuse(why, "the chunk extensions are too long");
  return refuse(why, "a chunk extension holds a byte that is not allowed");
}

const char* ChunkedDecoder::scan_trailer(const char* p, const char* end, Error* why) {
  const size_t allowed = kMaxTrailerBytes - trailer_bytes_;
  const char* const stop = p + std::min(static_cast<size_t>(end - p), allowed);
  const char* const begin = p;
  std::string_view fault;
  p = trailer_.scan(p, stop, kMaxTrailerFields, &fault);
  if (p == nullptr) {
    *why = {fault == kTooManyFields ? Errc::kHeadTooLarge : Errc::kMalformedRequest, fault};
    return nullptr;
  }
  trailer_bytes_ += static_cast<uint32_t>(p - begin);
  if (trailer_.state == FieldLines::State::kDone) {
    state_ = State::kDone;
  } else if (trailer_bytes_ == kMaxTrailerBytes) {
    *why = {Errc::kHeadTooLarge, "the trailer of a chunked body is too large"};
    return nullptr;
  }
  return p;
}

char* write_chunk_size(char* to, uint64_t size) {
  const int bits = 64 - std::countl_zero(size | 1);
  for (int shift = (bits - 1) / 4 * 4; shift >= 0; shift -= 4) {
    *to++ = "0123456789abcdef"[(size >> shift) & 0xf];
  }
  *to++ = '\r';
  *to++ = '\n';
  return to;
}

}  // namespace weir
