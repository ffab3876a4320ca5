#include "adapters/bedrock/event_stream.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>

#include "base/arena.h"

namespace weir {

namespace {

constexpr size_t kPrelude = 12;  // two lengths and their checksum
constexpr size_t kOverhead = kPrelude + 4;

// Table k advances the sum of one byte over k more bytes of zeros, so that eight bytes are taken
// with eight look-ups that do not wait for each other.
using CrcTables = std::array<std::array<uint32_t, 256>, 8>;

constexpr CrcTables crc_tables_make() {
  constexpr uint32_t kReversedPolynomial = 0xedb88320u;
  CrcTables tables{};
  for (uint32_t byte = 0; byte < 256; ++byte) {
    uint32_t sum = byte;
    for (int bit = 0; bit < 8; ++bit) sum = sum >> 1 ^ ((sum & 1) != 0 ? kReversedPolynomial : 0);
    tables[0][byte] = sum;
  }
  for (size_t k = 1; k < tables.size(); ++k) {
    for (size_t byte = 0; byte < 256; ++byte) {
      const uint32_t before = tables[k - 1][byte];
      tables[k][byte] = before >> 8 ^ tables[0][before & 0xff];
    }
  }
  return tables;
}

constexpr CrcTables kCrc = crc_tables_make();

uint32_t number_be(std::string_view bytes, size_t at, size_t count) {
  uint32_t value = 0;
  for (size_t i = 0; i < count; ++i) value = value << 8 | static_cast<uint8_t>(bytes[at + i]);
  return value;
}

std::unexpected<Error> broken(std::string_view message) {
  return std::unexpected(Error{Errc::kUpstreamUnavailable, message});
}

// Bytes of a value of each type; those with a length of their own count its two bytes.
constexpr std::array<uint8_t, 10> kValueBytes = {0, 0, 1, 2, 4, 8, 2, 2, 8, 16};

// Notes the headers that say what a message is; false for one of them that comes twice, since then
// nobody can say which counts.
bool header_note(const StreamHeaders& header, StreamMessage* out) {
  struct Known {
    std::string_view name;
    std::string_view StreamMessage::* member;
  };
  static constexpr Known kKnown[] = {{":message-type", &StreamMessage::message_type},
                                     {":event-type", &StreamMessage::event_type},
                                     {":exception-type", &StreamMessage::exception_type},
                                     {":error-code", &StreamMessage::error_code},
                                     {":error-message", &StreamMessage::error_message}};
  if (header.type() != StreamHeaders::Type::kString || header.name().front() != ':') return true;
  for (const Known& known : kKnown) {
    if (known.name != header.name()) continue;
    std::string_view& member = out->*known.member;
    if (member.data() != nullptr) return false;
    member = header.value();
  }
  return true;
}

}  // namespace

uint32_t crc32_of(std::string_view bytes, uint32_t seed) {
  uint32_t sum = ~seed;
  const char* at = bytes.data();
  size_t left = bytes.size();
  if constexpr (std::endian::native == std::endian::little) {
    for (; left >= 8; left -= 8, at += 8) {
      uint32_t low;
      uint32_t high;
      std::memcpy(&low, at, 4);
      std::memcpy(&high, at + 4, 4);
      low ^= sum;
      sum = kCrc[7][low & 0xff] ^ kCrc[6][low >> 8 & 0xff] ^ kCrc[5][low >> 16 & 0xff] ^
            kCrc[4][low >> 24] ^ kCrc[3][high & 0xff] ^ kCrc[2][high >> 8 & 0xff] ^
            kCrc[1][high >> 16 & 0xff] ^ kCrc[0][high >> 24];
    }
  }
  for (; left > 0; --left, ++at) sum = sum >> 8 ^ kCrc[0][(sum ^ static_cast<uint8_t>(*at)) & 0xff];
  return ~sum;
}

Result<size_t> stream_message_read(std::string_view in, StreamMessage* out) {
  if (in.size() < kPrelude) return size_t{0};
  const uint32_t prelude_sum = crc32_of(in.substr(0, 8));
  if (prelude_sum != number_be(in, 8, 4)) {
    return broken("the provider's event stream has a wrong checksum");
  }
  const size_t size = number_be(in, 0, 4);
  const size_t headers = number_be(in, 4, 4);
  if (size < kOverhead || size > kMaxEventStreamMessage) {
    return broken("the provider's event stream has a message of an impossible length");
  }
  if (headers > size - kOverhead || headers > kMaxEventStreamHeaders) {
    return broken("the provider's event stream has headers of an impossible length");
  }
  if (in.size() < size) return size_t{0};
  if (crc32_of(in.substr(8, size - 12), prelude_sum) != number_be(in, size - 4, 4)) {
    return broken("the provider's event stream has a wrong checksum");
  }
  *out = StreamMessage{};
  out->headers = in.substr(kPrelude, headers);
  out->payload = in.substr(kPrelude + headers, size - kOverhead - headers);
  StreamHeaders each(out->headers);
  while (each.next()) {
    if (!header_note(each, out)) {
      return broken("the provider's event stream names a header twice");
    }
  }
  if (each.failed()) return broken("the provider's event stream has a broken header");
  return size;
}

bool StreamHeaders::fail() {
  failed_ = true;
  block_ = {};
  return false;
}

bool StreamHeaders::next() {
  if (block_.empty()) return false;
  const size_t name_size = static_cast<uint8_t>(block_[0]);
  if (name_size == 0 || block_.size() < name_size + 2) return fail();
  name_ = block_.substr(1, name_size);
  const auto type = static_cast<uint8_t>(block_[name_size + 1]);
  if (type >= kValueBytes.size()) return fail();
  type_ = static_cast<Type>(type);
  block_.remove_prefix(name_size + 2);
  size_t value_size = kValueBytes[type];
  if (block_.size() < value_size) return fail();
  if (type_ == Type::kBytes || type_ == Type::kString) {
    value_size = number_be(block_, 0, 2);
    block_.remove_prefix(2);
    if (block_.size() < value_size) return fail();
  }
  value_ = block_.substr(0, value_size);
  block_.remove_prefix(value_size);
  return true;
}

void StreamCarry::keep(std::string_view bytes, Arena& arena) {
  if (capacity_ - size_ < bytes.size()) {
    // Doubling, not the length that the prelude promises: memory is taken as bytes come.
    capacity_ = std::max<size_t>({1024, capacity_ * 2, size_ + bytes.size()});
    char* const larger = arena.allocate(capacity_);
    if (size_ != 0) std::memcpy(larger, data_, size_);
    data_ = larger;
  }
  if (!bytes.empty()) std::memcpy(data_ + size_, bytes.data(), bytes.size());
  size_ += bytes.size();
}

Result<bool> StreamCarry::next(std::string_view* in, Arena& arena, StreamMessage* out) {
  if (used_ != 0) size_ = used_ = 0;
  if (size_ == 0) {
    const auto size = stream_message_read(*in, out);
    if (!size) return std::unexpected(size.error());
    if (*size == 0) {
      keep(*in, arena);
      *in = {};
      return false;
    }
    in->remove_prefix(*size);
    return true;
  }
  // Only as much as belongs to the message that was begun: first its prelude, then its rest.
  if (size_ < kPrelude) {
    const size_t taken = std::min(kPrelude - size_, in->size());
    keep(in->substr(0, taken), arena);
    in->remove_prefix(taken);
    if (size_ < kPrelude) return false;
  }
  auto size = stream_message_read({data_, size_}, out);
  if (!size) return std::unexpected(size.error());
  if (*size == 0) {
    const size_t wanted = number_be({data_, size_}, 0, 4);
    const size_t taken = std::min(wanted - size_, in->size());
    keep(in->substr(0, taken), arena);
    in->remove_prefix(taken);
    if (size_ < wanted) return false;
    size = stream_message_read({data_, size_}, out);
    if (!size) return std::unexpected(size.error());
  }
  used_ = *size;
  return true;
}

}  // namespace weir
