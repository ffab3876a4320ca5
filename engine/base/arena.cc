#include "base/arena.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <new>

#include "base/check.h"

namespace weir {

namespace {
constexpr size_t kAlign = 16;
constexpr size_t align_up(size_t n) { return (n + kAlign - 1) & ~(kAlign - 1); }
}  // namespace

Arena::~Arena() {
  if (blocks_ != nullptr) release();
}

char* Arena::allocate(size_t bytes) {
  const size_t need = align_up(bytes);
  if (static_cast<size_t>(limit_ - cursor_) < need) grow(need);
  char* result = cursor_;
  cursor_ += need;
  return result;
}

std::string_view Arena::copy(std::string_view text) {
  if (text.empty()) return {};
  char* to = allocate(text.size());
  std::memcpy(to, text.data(), text.size());
  return {to, text.size()};
}

void Arena::trim(char* end) {
  const auto address = reinterpret_cast<uintptr_t>(end);
  char* aligned = end + (align_up(address) - address);
  WEIR_DCHECK(aligned <= cursor_);
  cursor_ = aligned;
}

void Arena::grow(size_t bytes) {
  const size_t last = blocks_ == nullptr ? kFirstBlock / 2 : blocks_->size;
  const size_t size = std::max(bytes, std::min<size_t>(last * 2, 64 * 1024));
  char* memory = static_cast<char*>(std::malloc(align_up(sizeof(Block)) + size));
  WEIR_CHECK(memory != nullptr);
  Block* block = new (memory) Block{blocks_, size};
  blocks_ = block;
  held_bytes_ += size;
  cursor_ = memory + align_up(sizeof(Block));
  limit_ = cursor_ + size;
}

void Arena::reset() {
  if (blocks_ == nullptr) {
    cursor_ = first_;
    return;
  }
  if (first_ != nullptr) return release();
  while (blocks_->next != nullptr) {
    Block* next = blocks_->next;
    held_bytes_ -= blocks_->size;
    std::free(blocks_);
    blocks_ = next;
  }
  // A first block that was made for one huge allocation is not kept for every later request.
  if (blocks_->size > kFirstBlock * 4) return release();
  cursor_ = reinterpret_cast<char*>(blocks_) + align_up(sizeof(Block));
  limit_ = cursor_ + blocks_->size;
}

void Arena::release() {
  while (blocks_ != nullptr) {
    Block* next = blocks_->next;
    std::free(blocks_);
    blocks_ = next;
  }
  cursor_ = first_;
  limit_ = first_limit_;
  held_bytes_ = 0;
}

}  // namespace weir
