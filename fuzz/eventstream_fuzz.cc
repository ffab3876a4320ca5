// Goal: whatever bytes claim to be an event stream, the same messages come out however they are
// cut, and all views of them stay within what was given. The first byte chooses the cuts.
#include <cstdlib>
#include <memory>
#include <string>

#include "adapters/bedrock/event_stream.h"
#include "base/arena.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

namespace {

using namespace weir;

struct Output {
  std::string text;
  bool broken = false;
  bool cut = false;
};

Output read(std::string_view bytes, size_t step) {
  Arena arena;
  alignas(StreamCarry) char memory[sizeof(StreamCarry)] = {};
  auto& carry = *reinterpret_cast<StreamCarry*>(memory);
  Output out;
  for (size_t at = 0; at < bytes.size() && !out.broken; at += step) {
    const std::string_view piece = bytes.substr(at, step);
    // An exact copy, so that a read past the piece is seen.
    const auto copy = std::make_unique<char[]>(piece.size());
    piece.copy(copy.get(), piece.size());
    std::string_view in(copy.get(), piece.size());
    for (StreamMessage message;;) {
      const auto more = carry.next(&in, arena, &message);
      out.broken = !more.has_value();
      if (!more || !*more) break;
      StreamHeaders each(message.headers);
      while (each.next()) out.text.append(each.name()).append("=").append(each.value()).append(";");
      out.text.append(message.event_type).append("|").append(message.payload).append("\n");
    }
  }
  out.cut = carry.is_cut();
  return out;
}

}  // namespace

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 1 || size > 65536) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  const Output whole = read(bytes, bytes.size() + 1);
  const Output cut = read(bytes, 1 + data[0] % 64);
  if (whole.broken != cut.broken || whole.text != cut.text) std::abort();
  if (!whole.broken && whole.cut != cut.cut) std::abort();
  return 0;
}
