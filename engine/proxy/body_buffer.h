// Holds the bytes of one request body or one buffered reply, with scan padding behind them.
//
// Small bodies go into a pooled block, so that a 4 KB chat request allocates nothing; a large body
// that came in one read keeps the read block it came in; everything else grows step by step as
// bytes really arrive (never from a declared length). Every byte held is accounted to the process
// bound by the worker. Owned by an Exchange; one thread.
#pragma once

#include <cstddef>
#include <string_view>

#include "json/request_scan.h"
#include "net/transport.h"

namespace weir {

struct Worker;

struct SmallBlock {
  static constexpr size_t kBytes = 16 * 1024;
  static constexpr size_t kFrontBytes = 1024;
  SmallBlock() {}  // NOLINT: not defaulted, so that taking one does not zero it
  Loan loan;                 // of `bytes`
  Worker* worker = nullptr;  // whose pool it goes to, once it was let go of while lent
  // The body begins behind room for what is sent before it.
  char bytes[kFrontBytes + kBytes + RequestScanner::kPadding];
};

class BodyBuffer {
 public:
  BodyBuffer() = default;
  BodyBuffer(const BodyBuffer&) = delete;
  BodyBuffer& operator=(const BodyBuffer&) = delete;

  // Appends a copy. False: the process-wide bound on buffered bytes is reached.
  [[nodiscard]] bool append(Worker* worker, std::string_view bytes);
  // Takes over the worker's current read block, in which `bytes` lie, with all that is behind them
  // as room for more. Inside on_read only.
  [[nodiscard]] bool keep_block(Worker* worker, std::string_view bytes);
  // Where the next bytes of a kept block belong; append() of bytes that lie there copies nothing.
  [[nodiscard]] char* room() const { return kind_ == Kind::kBlock ? data_ + size_ : nullptr; }
  [[nodiscard]] size_t room_bytes() const { return capacity_ - size_; }
  // Room for that many bytes right before the first one. Null: there is none, or it is lent.
  [[nodiscard]] char* front(size_t bytes) const;
  // Of the memory that front() gave a part of.
  [[nodiscard]] Loan* loan() const { return &small_block()->loan; }
  void release(Worker* worker);
  // Both of one worker.
  void swap(BodyBuffer& other);

  [[nodiscard]] std::string_view view() const { return {data_, size_}; }
  [[nodiscard]] size_t size() const { return size_; }
  [[nodiscard]] bool empty() const { return size_ == 0; }

 private:
  enum class Kind : uint8_t { kNone, kSmall, kBlock, kHeap };
  [[nodiscard]] bool grow(Worker* worker, size_t need);
  [[nodiscard]] SmallBlock* small_block() const {
    return reinterpret_cast<SmallBlock*>(data_ - SmallBlock::kFrontBytes -
                                         offsetof(SmallBlock, bytes));
  }
  char* data_ = nullptr;
  size_t size_ = 0;
  size_t capacity_ = 0;
  ReadBlock* block_ = nullptr;
  Kind kind_ = Kind::kNone;
};

}  // namespace weir
