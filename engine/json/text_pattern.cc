#include "json/text_pattern.h"

#include <cstring>

namespace weir {

bool TextPattern::keep(std::string_view bytes) {
  if (bytes.size() > kMaxBytes - size_) return false;
  std::memcpy(bytes_.data() + size_, bytes.data(), bytes.size());
  size_ += bytes.size();
  return true;
}

bool TextPattern::add(std::string_view before, uint8_t digits) {
  if (spot_count_ == kMaxSpots || !keep(before)) return false;
  spots_[spot_count_++] = {static_cast<uint16_t>(before.size()), digits};
  return true;
}

bool TextPattern::close(std::string_view rest) {
  return keep(rest);
}

}  // namespace weir
