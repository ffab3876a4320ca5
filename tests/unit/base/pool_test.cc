#include "base/pool.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace weir {
namespace {

struct Object {
  Object(int* alive, int n) : alive_(alive), number(n) { ++*alive_; }
  ~Object() { --*alive_; }
  int* alive_;
  int number;
  std::string text = "longer than any small string keeps inside itself";
};

struct alignas(64) Aligned {
  char bytes[65] = {};
};

TEST(Pool, ConstructsAndDestroysEachTime) {
  int alive = 0;
  Pool<Object> pool(2);
  Object* a = pool.take(&alive, 1);
  Object* b = pool.take(&alive, 2);
  EXPECT_EQ(alive, 2);
  EXPECT_EQ(pool.in_use(), 2U);
  EXPECT_EQ(b->number, 2);
  pool.give(a);
  EXPECT_EQ(alive, 1);
  Object* c = pool.take(&alive, 3);
  EXPECT_EQ(static_cast<void*>(c), static_cast<void*>(a));
  EXPECT_EQ(c->number, 3);
  EXPECT_EQ(c->text.size(), 48U);
  pool.give(b);
  pool.give(c);
  EXPECT_EQ(alive, 0);
  EXPECT_EQ(pool.in_use(), 0U);
}

TEST(Pool, KeepsOnlySoManyAndFreesTheRest) {
  int alive = 0;
  Pool<Object> pool(3);
  for (int round = 0; round < 3; ++round) {
    std::vector<Object*> objects;
    for (int i = 0; i < 50; ++i) objects.push_back(pool.take(&alive, i));
    for (int i = 0; i < 50; ++i) EXPECT_EQ(objects[static_cast<size_t>(i)]->number, i);
    for (Object* object : objects) pool.give(object);
    EXPECT_EQ(alive, 0);
  }
}

TEST(Pool, HonoursAlignment) {
  Pool<Aligned> pool(1);
  Aligned* a = pool.take();
  Aligned* b = pool.take();
  EXPECT_EQ(reinterpret_cast<uintptr_t>(a) % 64, 0U);
  EXPECT_EQ(reinterpret_cast<uintptr_t>(b) % 64, 0U);
  pool.give(a);
  pool.give(b);
}

#ifdef WEIR_ASAN
TEST(Pool, AFreeObjectIsPoisoned) {
  int alive = 0;
  Pool<Object> pool(1);
  Object* object = pool.take(&alive, 1);
  pool.give(object);
  EXPECT_NE(__asan_address_is_poisoned(object), 0);
  EXPECT_NE(__asan_address_is_poisoned(&object->text), 0);
}
#endif

}  // namespace
}  // namespace weir
