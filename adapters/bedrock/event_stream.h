// Reads application/vnd.amazon.eventstream: binary messages with named headers, a payload and two
// checksums.
//
// Bytes may be cut anywhere. A length is believed only after the checksum that covers it, and what
// is waited for is bounded, so broken or hostile bytes cost nothing. A message that lies whole in
// what was read is not copied; its views borrow from there. One thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include <weir/types.h>

namespace weir {

class Arena;

constexpr size_t kMaxEventStreamMessage = 24 * 1024 * 1024;
constexpr size_t kMaxEventStreamHeaders = 128 * 1024;

// CRC-32 as in IEEE 802.3. `seed` is the sum of what comes before.
[[nodiscard]] uint32_t crc32_of(std::string_view bytes, uint32_t seed = 0);

// One message. Names are those of its headers; empty when absent.
struct StreamMessage {
  std::string_view headers;  // the block as sent
  std::string_view payload;
  std::string_view message_type;  // event, exception, error
  std::string_view event_type;
  std::string_view exception_type;
  std::string_view error_code;
  std::string_view error_message;
};

// Reads the message at the start of `in`. Gives its size, 0 when more bytes are needed, and an
// error (kUpstreamUnavailable) when the bytes are no message: nothing behind them can be trusted.
[[nodiscard]] Result<size_t> stream_message_read(std::string_view in, StreamMessage* out);

// Walks over a header block that stream_message_read() has accepted.
class StreamHeaders {
 public:
  enum class Type : uint8_t {
    kTrue,
    kFalse,
    kInt8,
    kInt16,
    kInt32,
    kInt64,
    kBytes,
    kString,
    kTimestamp,
    kUuid
  };
  explicit StreamHeaders(std::string_view block) : block_(block) {}
  // False at the end, and for a broken block; failed() tells.
  [[nodiscard]] bool next();
  [[nodiscard]] bool failed() const { return failed_; }
  [[nodiscard]] std::string_view name() const { return name_; }
  [[nodiscard]] Type type() const { return type_; }
  // The bytes of the value, without the length of kBytes and kString; numbers are big-endian.
  [[nodiscard]] std::string_view value() const { return value_; }

 private:
  bool fail();
  std::string_view block_;
  std::string_view name_;
  std::string_view value_;
  Type type_ = Type::kTrue;
  bool failed_ = false;
};

// Holds the beginning of a message until its rest comes. All zero is the empty state, so it may
// lie in an adapter's state; the memory is the arena's.
class StreamCarry {
 public:
  // Takes the next message out of the carry and `*in`, which loses what was used of it. False
  // when all is used up; then the rest was kept. Views of a message are good until the next call.
  [[nodiscard]] Result<bool> next(std::string_view* in, Arena& arena, StreamMessage* out);
  // True at the end of a stream that stops within a message.
  [[nodiscard]] bool is_cut() const { return size_ > used_; }

 private:
  void keep(std::string_view bytes, Arena& arena);
  char* data_;
  size_t size_;
  size_t capacity_;
  size_t used_;  // of the message at the start that was handed out last
};

}  // namespace weir
