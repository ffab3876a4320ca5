// Writing message heads into a bounded buffer, mostly one that lies in a request's Arena.
//
// Nothing is ever written past `limit`: what does not fit, and a name or value that would break the
// line structure, sets `failed` and moves the limit here, so that nothing more is added. The caller
// looks at `failed` once, at the end, and must not send a failed head. One thread.
#pragma once

#include <cstdint>
#include <cstring>
#include <string_view>

#include "base/arena.h"

namespace weir {

struct HeadWriter {
  char* begin = nullptr;
  char* cursor = nullptr;
  char* limit = nullptr;
  bool failed = false;

  // Any text, line ends included; for fixed text and prepared templates. Always inlined: text of
  // known length becomes a few stores.
  [[gnu::always_inline]] void add(std::string_view text) {
    if (text.size() > static_cast<size_t>(limit - cursor)) return fail();
    if (text.empty()) return;
    std::memcpy(cursor, text.data(), text.size());
    cursor += text.size();
  }
  void add_number(uint64_t number);
  // `name: value\r\n`. The name must be a token and the value free of control bytes but tab.
  void add_field(std::string_view name, std::string_view value);
  void add_field(std::string_view name, uint64_t number);
  // `HTTP/1.1 <status> <reason>\r\n`
  void add_status_line(int status);
  // The blank line.
  void add_end() { add("\r\n"); }
  void fail() {
    failed = true;
    limit = cursor;
  }
};

// A writer with room for `capacity` bytes in `arena`. Nothing else may be taken from the arena
// until head_finish, which returns what was written (empty when the writer failed) and gives back
// the rest.
[[nodiscard]] HeadWriter head_begin(Arena* arena, size_t capacity);
[[nodiscard]] std::string_view head_finish(const HeadWriter& writer, Arena* arena);

// The reason phrase of every status that Weir sends or passes on; the name of the class (such as
// "Client Error") for others.
[[nodiscard]] std::string_view status_reason(int status);

}  // namespace weir
