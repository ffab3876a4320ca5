#include "proxy/body_buffer.h"

#include <algorithm>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "base/check.h"
#include "proxy/worker.h"

namespace weir {

namespace {
constexpr size_t kPadding = RequestScanner::kPadding;

void give_small(Worker* worker, SmallBlock* block) {
  if (block->loan.out == 0) return worker->small_blocks.give(block);
  block->worker = worker;
  block->loan.back = [](Loan* loan) {
    auto* back = reinterpret_cast<SmallBlock*>(reinterpret_cast<char*>(loan) -
                                               offsetof(SmallBlock, loan));
    back->worker->small_blocks.give(back);
  };
}

}  // namespace

bool BodyBuffer::append(Worker* worker, std::string_view bytes) {
  if (bytes.empty()) return true;
  if (bytes.data() == room() && bytes.size() <= room_bytes()) {
    size_ += bytes.size();
    return true;
  }
  if (capacity_ - size_ < bytes.size() && !grow(worker, size_ + bytes.size())) return false;
  std::memcpy(data_ + size_, bytes.data(), bytes.size());
  size_ += bytes.size();
  return true;
}

bool BodyBuffer::keep_block(Worker* worker, std::string_view bytes) {
  WEIR_DCHECK(kind_ == Kind::kNone);
  if (!worker_buffer_take(worker, kReadBlockBytes)) return false;
  block_ = net_keep_block(worker->net);
  WEIR_CHECK(bytes.data() >= block_->data && bytes.data() < block_->data + kReadBlockBytes);
  data_ = block_->data + (bytes.data() - block_->data);
  size_ = bytes.size();
  capacity_ = static_cast<size_t>(block_->data + kReadBlockBytes - data_);
  kind_ = Kind::kBlock;
  return true;
}

void BodyBuffer::swap(BodyBuffer& other) {
  std::swap(data_, other.data_);
  std::swap(size_, other.size_);
  std::swap(capacity_, other.capacity_);
  std::swap(block_, other.block_);
  std::swap(kind_, other.kind_);
}

bool BodyBuffer::grow(Worker* worker, size_t need) {
  if (kind_ == Kind::kNone && need <= SmallBlock::kBytes) {
    if (!worker_buffer_take(worker, SmallBlock::kBytes)) return false;
    data_ = worker->small_blocks.take()->bytes + SmallBlock::kFrontBytes;
    capacity_ = SmallBlock::kBytes;
    kind_ = Kind::kSmall;
    return true;
  }
  const size_t capacity = std::max(need, std::max<size_t>(capacity_ * 2, 64 * 1024));
  if (!worker_buffer_take(worker, capacity)) return false;
  char* data = static_cast<char*>(std::malloc(capacity + kPadding));
  WEIR_CHECK(data != nullptr);
  if (size_ != 0) std::memcpy(data, data_, size_);
  std::memset(data + capacity, 0, kPadding);
  const size_t size = size_;
  release(worker);
  data_ = data;
  size_ = size;
  capacity_ = capacity;
  kind_ = Kind::kHeap;
  return true;
}

char* BodyBuffer::front(size_t bytes) const {
  if (kind_ != Kind::kSmall || bytes > SmallBlock::kFrontBytes) return nullptr;
  return small_block()->loan.out == 0 ? data_ - bytes : nullptr;
}

void BodyBuffer::release(Worker* worker) {
  switch (kind_) {
    case Kind::kNone:
      return;
    case Kind::kSmall:
      give_small(worker, small_block());
      worker_buffer_give(worker, SmallBlock::kBytes);
      break;
    case Kind::kBlock:
      net_release_block(worker->net, block_);
      worker_buffer_give(worker, kReadBlockBytes);
      break;
    case Kind::kHeap:
      std::free(data_);
      worker_buffer_give(worker, capacity_);
      break;
  }
  data_ = nullptr;
  block_ = nullptr;
  size_ = capacity_ = 0;
  kind_ = Kind::kNone;
}

}  // namespace weir
