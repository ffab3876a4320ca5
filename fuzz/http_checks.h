// What the fuzz targets of engine/http share: cutting an input, and simple second opinions on what
// the parsers accept. Everything here is written for plainness, without the tables of the engine.
//
// The first byte of an input chooses the cut (0: whole), the rest is the stream. One thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "http/chunked.h"
#include "http/parser.h"

namespace weir::fuzz {

inline void require(bool condition) {
  if (!condition) std::abort();
}

struct CutInput {
  CutInput(const uint8_t* data, size_t size) {
    if (size == 0) return;
    step = data[0];
    bytes = {reinterpret_cast<const char*>(data) + 1, size - 1};
  }
  [[nodiscard]] CutInput behind(size_t count) const {
    CutInput rest = *this;
    rest.bytes.remove_prefix(count);
    return rest;
  }
  size_t step = 0;
  std::string_view bytes;

 private:
  CutInput() = default;
};

[[nodiscard]] inline std::string lower(std::string_view text) {
  std::string result(text);
  for (char& c : result) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + 32);
  }
  return result;
}

// Control bytes other than tab and CR LF pairs, or a CR or LF that is not in such a pair.
[[nodiscard]] inline bool has_bad_bytes(std::string_view text) {
  for (size_t i = 0; i < text.size(); ++i) {
    const auto c = static_cast<unsigned char>(text[i]);
    if (c == '\r' && i + 1 < text.size() && text[i + 1] == '\n') {
      ++i;
    } else if ((c < 0x20 && c != '\t') || c == 0x7f) {
      return true;
    }
  }
  return false;
}

// How many lines of `head` begin with `name` and a colon.
[[nodiscard]] inline size_t fields_count(std::string_view head, std::string_view name) {
  const std::string text = lower(head);
  const std::string needle = "\r\n" + std::string(name) + ":";
  size_t count = 0;
  for (size_t at = text.find(needle); at != std::string::npos; at = text.find(needle, at + 1)) {
    ++count;
  }
  return count;
}

namespace detail {

struct Verdict {
  size_t complete = 0;
  int code = -1;
  bool operator==(const Verdict&) const = default;
};

inline Verdict head_scan(HeadScanner::Kind kind, std::string_view bytes, size_t step) {
  const HeadLimits limits{.max_bytes = 2048, .max_line_bytes = 256, .max_fields = 24};
  HeadScanner scanner(kind);
  for (size_t at = 0; at < bytes.size();) {
    const auto progress = scanner.feed(bytes.substr(at, step), limits);
    if (!progress) return {0, static_cast<int>(progress.error().code)};
    require(progress->consumed > 0);
    at += progress->consumed;
    if (progress->status == HeadScanner::Status::kComplete) return {at, -1};
  }
  return {};
}

struct Decoded {
  std::string data;
  size_t consumed = 0;
  bool done = false;
  bool refused = false;
  bool operator==(const Decoded&) const = default;
};

inline Decoded chunked_decode(std::string_view bytes, size_t step) {
  ChunkedDecoder decoder;
  Decoded out;
  while (out.consumed < bytes.size() && !out.done) {
    const auto piece = decoder.feed(bytes.substr(out.consumed, step));
    if (!piece) {
      out.refused = true;
      out.consumed = 0;
      return out;
    }
    require(piece->consumed > 0);
    out.data += piece->data;
    out.consumed += piece->consumed;
    out.done = piece->done;
  }
  return out;
}

// Whole bodies only, and no opinion on trailers but where they end: false when not sure.
inline bool chunked_decode_simply(std::string_view bytes, std::string* data, size_t* consumed) {
  size_t at = 0;
  while (true) {
    const size_t line_end = bytes.find("\r\n", at);
    if (line_end == std::string_view::npos) return false;
    const std::string line(bytes.substr(at, line_end - at));
    char* digits_end = nullptr;
    const unsigned long long size = std::strtoull(line.c_str(), &digits_end, 16);
    at = line_end + 2;
    if (size == 0) break;
    if (size > bytes.size() - at) return false;
    data->append(bytes.substr(at, size));
    at += size + 2;
    if (at > bytes.size()) return false;
  }
  const size_t trailer_end = bytes.find("\r\n\r\n", at - 2);
  if (trailer_end == std::string_view::npos) return false;
  *consumed = trailer_end + 4;
  return true;
}

}  // namespace detail

// The size of the head at the front of the input, 0 when it is incomplete or refused. The whole
// input, single bytes and the chosen cut must agree.
inline size_t head_size_any_cut(HeadScanner::Kind kind, const CutInput& input) {
  const size_t all = input.bytes.size() + 1;
  const detail::Verdict whole = detail::head_scan(kind, input.bytes, all);
  require(detail::head_scan(kind, input.bytes, 1) == whole);
  require(detail::head_scan(kind, input.bytes, input.step == 0 ? all : input.step) == whole);
  return whole.complete;
}

// Decodes in every way and compares with a decoder that sees everything at once.
inline void chunked_check(const CutInput& input) {
  const size_t all = input.bytes.size() + 1;
  const detail::Decoded whole = detail::chunked_decode(input.bytes, all);
  require(detail::chunked_decode(input.bytes, 1) == whole);
  require(detail::chunked_decode(input.bytes, input.step == 0 ? all : input.step) == whole);
  if (!whole.done) return;
  std::string data;
  size_t consumed = 0;
  require(detail::chunked_decode_simply(input.bytes, &data, &consumed));
  require(data == whole.data);
  require(consumed == whole.consumed);
}

}  // namespace weir::fuzz
