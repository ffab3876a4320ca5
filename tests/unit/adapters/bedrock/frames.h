// Builds event stream messages for tests, the plain way: bit by bit checksums, no tables.
//
// For tests only; allocates freely.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace weir::test {

inline uint32_t crc32_slow(std::string_view bytes) {
  uint32_t sum = 0xffffffffu;
  for (const char c : bytes) {
    sum ^= static_cast<uint8_t>(c);
    for (int bit = 0; bit < 8; ++bit) sum = (sum & 1) != 0 ? sum >> 1 ^ 0xedb88320u : sum >> 1;
  }
  return ~sum;
}

inline std::string big_endian(uint32_t value, size_t bytes) {
  std::string text;
  for (size_t i = bytes; i-- > 0;) text += static_cast<char>(value >> (8 * i) & 0xff);
  return text;
}

inline std::string frame_raw(std::string_view headers, std::string_view payload) {
  std::string text = big_endian(static_cast<uint32_t>(headers.size() + payload.size() + 16), 4);
  text += big_endian(static_cast<uint32_t>(headers.size()), 4);
  text += big_endian(crc32_slow(text), 4);
  text.append(headers).append(payload);
  return text + big_endian(crc32_slow(text), 4);
}

inline std::string frame_header(std::string_view name, std::string_view value) {
  std::string text(1, static_cast<char>(name.size()));
  text.append(name).append(1, '\7');
  return text.append(big_endian(static_cast<uint32_t>(value.size()), 2)).append(value);
}

inline std::string frame_of(std::string_view kind, std::string_view type, std::string_view json) {
  const std::string name = ":" + std::string(kind) + "-type";
  return frame_raw(frame_header(name, type) + frame_header(":content-type", "application/json") +
                       frame_header(":message-type", kind),
                   json);
}
inline std::string event_frame(std::string_view type, std::string_view json) {
  return frame_of("event", type, json);
}
inline std::string exception_frame(std::string_view type, std::string_view json) {
  return frame_of("exception", type, json);
}

// Frames from readable text: one "type json" per line, "!type json" for an exception.
inline std::string frames_of(std::string_view text) {
  std::string bytes;
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    const size_t space = line.find(' ');
    if (space == line.npos) continue;
    const std::string_view json = line.substr(space + 1);
    bytes += line[0] == '!' ? exception_frame(line.substr(1, space - 1), json)
                            : event_frame(line.substr(0, space), json);
  }
  return bytes;
}

}  // namespace weir::test
