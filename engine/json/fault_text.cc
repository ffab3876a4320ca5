#include "json/fault_text.h"

#include <algorithm>
#include <cstring>

#include "json/json_write.h"

namespace weir {

std::string_view FaultText::write(std::string_view subject, JsonIndex::Status status,
                                  size_t offset) {
  size_ = 0;
  append(subject);
  append(" is not valid JSON: ");
  append(describe(status));
  const bool located =
      status == JsonIndex::Status::kBadUtf8 || status == JsonIndex::Status::kBadEscape;
  if (located) append_offset(offset);
  append(".");
  return {text_.data(), size_};
}

std::string_view FaultText::write(std::string_view subject, const JsonCursor& cursor) {
  size_ = 0;
  append(subject);
  append(" is not valid JSON: ");
  append(describe(cursor.fault()));
  append_offset(cursor.fault_offset());
  append(".");
  return {text_.data(), size_};
}

void FaultText::append(std::string_view text) {
  const size_t size = std::min(text.size(), text_.size() - size_);
  std::memcpy(text_.data() + size_, text.data(), size);
  size_ += size;
}

void FaultText::append_offset(size_t offset) {
  char digits[20];
  const char* end = write_number(digits, offset);
  append(" (at byte ");
  append({digits, static_cast<size_t>(end - digits)});
  append(", counted from 0)");
}

}  // namespace weir
