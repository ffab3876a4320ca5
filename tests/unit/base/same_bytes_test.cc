#include "base/same_bytes.h"

#include <gtest/gtest.h>

#include <memory>

namespace weir {
namespace {

// Of every size, with a difference at every place, in memory of exactly that size.
TEST(SameBytes, SeesEveryByteAndNoOther) {
  for (size_t size = 0; size < 150; ++size) {
    const std::unique_ptr<char[]> a(new char[size]);
    const std::unique_ptr<char[]> b(new char[size]);
    for (size_t i = 0; i < size; ++i) a[i] = b[i] = static_cast<char>(i * 7);
    EXPECT_TRUE(same_bytes(a.get(), b.get(), size)) << size;
    for (size_t i = 0; i < size; ++i) {
      b[i] ^= static_cast<char>(1 << (i % 8));
      EXPECT_FALSE(same_bytes(a.get(), b.get(), size)) << size << " " << i;
      b[i] = a[i];
    }
  }
}

}  // namespace
}  // namespace weir
