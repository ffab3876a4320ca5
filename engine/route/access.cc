#include "route/access.h"

#include <iterator>

#include "base/check.h"

namespace weir {

void Access::mark(uint32_t slot) {
  const size_t word = slot / kWordBits;
  if (marks_.size() <= word) marks_.resize(word + 1, 0);
  marks_[word] |= uint64_t{1} << (slot % kWordBits);
}

Access Access::copy_without(const Access& base, std::span<const uint32_t> route_slots) {
  Access out;
  out.marks_ = base.marks_;
  for (const uint32_t slot : route_slots) {
    const size_t word = slot / kWordBits;
    if (word < out.marks_.size()) out.marks_[word] &= ~(uint64_t{1} << (slot % kWordBits));
  }
  std::copy_if(base.parts_.begin(), base.parts_.end(), std::back_inserter(out.parts_),
               [&out](const Part& part) { return out.marked(part.route_slot); });
  return out;
}

void Access::finish(uint64_t id) {
  WEIR_CHECK(id != 0);
  id_ = id;
  // Two tables of the same content compare equal whatever was marked and reset on the way.
  while (!marks_.empty() && marks_.back() == 0) marks_.pop_back();
  std::sort(parts_.begin(), parts_.end(),
            [](const Part& a, const Part& b) { return a.route_slot < b.route_slot; });
}

}  // namespace weir
