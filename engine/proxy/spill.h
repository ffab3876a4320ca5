// Bytes that must outlive the read they came with: a head that is not complete, or a request that
// was sent before its turn. Holds no memory while it is empty, because idle connections are many;
// the padding that scanners want is behind the bytes. Owned by a connection; one thread.
#pragma once

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <string_view>

#include "base/check.h"
#include "net/transport.h"

namespace weir {

class Spill {
 public:
  Spill() = default;
  ~Spill() { std::free(data_); }
  Spill(const Spill&) = delete;
  Spill& operator=(const Spill&) = delete;

  void append(std::string_view bytes) {
    const size_t need = size_ + bytes.size();
    if (need > capacity_) {
      capacity_ = std::max({need, capacity_ * 2, size_t{1024}});
      data_ = static_cast<char*>(std::realloc(data_, capacity_ + kReadPadding));
      WEIR_CHECK(data_ != nullptr);
    }
    std::memcpy(data_ + size_, bytes.data(), bytes.size());
    size_ = need;
  }
  // The first bytes are no longer needed.
  void consume(size_t bytes) {
    WEIR_DCHECK(bytes <= size_);
    size_ -= bytes;
    if (size_ == 0) return release();
    std::memmove(data_, data_ + bytes, size_);
  }
  void clear() { size_ = 0; }  // keeps the memory
  void release() {
    std::free(data_);
    data_ = nullptr;
    size_ = capacity_ = 0;
  }
  [[nodiscard]] std::string_view view() const { return {data_, size_}; }
  [[nodiscard]] size_t size() const { return size_; }
  [[nodiscard]] bool empty() const { return size_ == 0; }

 private:
  char* data_ = nullptr;
  size_t size_ = 0;
  size_t capacity_ = 0;
};

}  // namespace weir
