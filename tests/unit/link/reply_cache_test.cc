#include "link/reply_cache.h"

#include <gtest/gtest.h>

#include <string>
#include <thread>
#include <vector>

namespace weir {
namespace {

CacheKey key_of(uint8_t number) {
  CacheKey key{};
  key[0] = number;
  return key;
}

void put(ReplyCache& cache, uint8_t number, const std::string& body, Millis now = 1) {
  const Slice halves[] = {Slice(std::string_view(body).substr(0, body.size() / 2)),
                          Slice(std::string_view(body).substr(body.size() / 2))};
  cache.put(key_of(number), "origin", halves, now);
}

std::string find(ReplyCache& cache, uint8_t number, Millis now = 1) {
  const CachedReply* reply = cache.find(key_of(number), now);
  if (reply == nullptr) return "";
  std::string body(cached_body(reply));
  EXPECT_EQ(cached_origin(reply), "origin");
  cache.release(reply);
  return body;
}

TEST(ReplyCache, FindsWhatWasPut) {
  ReplyCache cache;
  EXPECT_EQ(find(cache, 1), "");
  put(cache, 1, "first");
  put(cache, 2, "second");
  EXPECT_EQ(find(cache, 1), "first");
  EXPECT_EQ(find(cache, 2), "second");
  put(cache, 1, "newer");
  EXPECT_EQ(find(cache, 1), "newer");
  EXPECT_EQ(cache.counters().entries, 2u);
  EXPECT_EQ(cache.counters().stored, 3u);
}

TEST(ReplyCache, ForgetsWhatIsOld) {
  ReplyCache cache;
  cache.configure({.max_age_ms = 100}, 1);
  put(cache, 1, "a", 1);
  put(cache, 2, "b", 50);
  EXPECT_EQ(find(cache, 1, 100), "a");
  EXPECT_EQ(find(cache, 1, 101), "");
  EXPECT_EQ(find(cache, 2, 101), "b");
  EXPECT_EQ(cache.counters().expired, 1u);
  EXPECT_EQ(cache.counters().entries, 1u);
  // What nobody asks for any more goes with the next call.
  EXPECT_EQ(find(cache, 3, 200), "");
  EXPECT_EQ(cache.counters().bytes, 0u);
}

TEST(ReplyCache, MakesRoomByLastUse) {
  ReplyCache cache;
  cache.configure({.max_bytes = 4'000, .max_entry_bytes = 2'000}, 1);
  const std::string body(1'000, 'x');
  for (uint8_t i = 1; i <= 3; ++i) put(cache, i, body);
  EXPECT_EQ(find(cache, 1), body);
  put(cache, 4, body);
  EXPECT_EQ(find(cache, 2), "");
  EXPECT_EQ(find(cache, 1), body);
  EXPECT_EQ(cache.counters().evicted, 1u);
  EXPECT_LE(cache.counters().bytes, 4'000u);
  put(cache, 5, std::string(2'001, 'x'));
  EXPECT_EQ(find(cache, 5), "");
  EXPECT_EQ(cache.counters().too_large, 1u);
  // A smaller bound takes effect at once; none at all keeps nothing.
  cache.configure({.max_bytes = 2'000, .max_entry_bytes = 2'000}, 1);
  EXPECT_EQ(cache.counters().entries, 1u);
  cache.configure({.max_bytes = 0}, 1);
  put(cache, 6, "a");
  EXPECT_EQ(cache.counters().bytes, 0u);
}

TEST(ReplyCache, AReaderKeepsItsReplyAndTheRoomOfIt) {
  ReplyCache cache;
  cache.configure({.max_bytes = 1'500, .max_entry_bytes = 1'500}, 1);
  put(cache, 1, std::string(1'000, 'a'));
  const CachedReply* reply = cache.find(key_of(1), 1);
  ASSERT_NE(reply, nullptr);
  put(cache, 2, std::string(1'000, 'b'));  // takes 1 out, and finds no room all the same
  EXPECT_EQ(find(cache, 1), "");
  EXPECT_EQ(find(cache, 2), "");
  EXPECT_EQ(cached_body(reply), std::string(1'000, 'a'));
  EXPECT_GT(cache.counters().bytes, 1'000u);
  cache.release(reply);
  EXPECT_EQ(cache.counters().bytes, 0u);
  put(cache, 2, std::string(1'000, 'b'));
  EXPECT_EQ(find(cache, 2), std::string(1'000, 'b'));
}

// Goal: whatever several threads do, each finds whole replies of the key it asked for, and the
// bound holds when they are done. Method: bodies tell their key; a small cache, so that entries go
// while others read them.
TEST(ReplyCache, ThreadsShareIt) {
  ReplyCache cache;
  cache.configure({.max_bytes = 8'000, .max_entry_bytes = 4'000, .max_age_ms = 50}, 1);
  std::vector<std::thread> threads;
  for (uint8_t thread = 0; thread < 4; ++thread) {
    threads.emplace_back([&cache, thread] {
      for (uint32_t i = 0; i < 2'000; ++i) {
        const auto number = static_cast<uint8_t>((i * 7 + thread) % 16);
        const std::string body(100 + number * 50u, static_cast<char>('a' + number));
        if (i % 3 == 0) put(cache, number, body, i / 10);
        const std::string found = find(cache, number, i / 10);
        EXPECT_TRUE(found.empty() || found == body);
        if (i % 500 == 0) cache.configure({.max_bytes = 8'000, .max_age_ms = 50}, i / 10);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_LE(cache.counters().bytes, 8'000u);
}

}  // namespace
}  // namespace weir
