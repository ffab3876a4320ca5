#include "base/arena.h"

#include <algorithm>
#include <cstdlib>
#include <new>

#include "base/check.h"

namespace weir {

namespace {
constexpr size_t align_up(size_t n, size_t align) { return (n + align - 1) & ~(align - 1); }
}  // namespace

Arena::~Arena() {
  if (blocks_ != nullptr) release();
}

void Arena::trim(char* end) {
  const auto address = reinterpret_cast<uintptr_t>(end);
  char* aligned = end + (align_up(address, kAlign) - address);
  WEIR_DCHECK(aligned <= cursor_);
  cursor_ = aligned;
}

void Arena::grow(size_t bytes) {
  const size_t last = blocks_ == nullptr ? kFirstBlock / 2 : blocks_->size;
  const size_t size = std::max(bytes, std::min<size_t>(last * 2, 64 * 1024));
  char* memory = static_cast<char*>(std::malloc(align_up(sizeof(Block), kAlign) + size));
  WEIR_CHECK(memory != nullptr);
  Block* block = new (memory) Block{blocks_, size};
  blocks_ = block;
  held_bytes_ += size;
  cursor_ = memory + align_up(sizeof(Block), kAlign);
  limit_ = cursor_ + size;
}

void Arena::reset_blocks() {
  if (first_ != nullptr) return release();
  while (blocks_->next != nullptr) {
    Block* next = blocks_->next;
    held_bytes_ -= blocks_->size;
    std::free(blocks_);
    blocks_ = next;
  }
  // A first block that was made for one huge allocation is not kept for every later request.
  if (blocks_->size > kFirstBlock * 4) return release();
  cursor_ = reinterpret_cast<char*>(blocks_) + align_up(sizeof(Block), kAlign);
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
