// Threads that hand things over while others take them: values and their contents must arrive
// exactly once. The thread sanitizer checks what the assertions cannot.
#include "base/mailbox.h"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

namespace weir {
namespace {

struct Message {
  int sender = 0;
  int number = 0;
  Message* next_message = nullptr;
};

TEST(LatestSlot, TheNewestWinsAndTheOlderComesBack) {
  LatestSlot<int> slot;
  int a = 1;
  int b = 2;
  EXPECT_EQ(slot.take(), nullptr);
  EXPECT_EQ(slot.put(&a), nullptr);
  EXPECT_EQ(slot.put(&b), &a);
  EXPECT_EQ(slot.take(), &b);
  EXPECT_EQ(slot.take(), nullptr);
}

TEST(LatestSlot, LosesNothingBetweenThreads) {
  constexpr int kCount = 20000;
  LatestSlot<Message> slot;
  int replaced = 0;
  std::thread writer([&] {
    for (int i = 1; i <= kCount; ++i) {
      Message* old = slot.put(new Message{0, i, nullptr});
      if (old != nullptr) ++replaced;
      delete old;
    }
  });
  int taken = 0;
  int last = 0;
  while (last != kCount) {
    Message* message = slot.take();
    if (message == nullptr) {
      std::this_thread::yield();
      continue;
    }
    EXPECT_GT(message->number, last);
    last = message->number;
    ++taken;
    delete message;
  }
  writer.join();
  EXPECT_EQ(taken + replaced, kCount);
  EXPECT_EQ(slot.take(), nullptr);
}

TEST(MessageStack, GivesEverythingOldestFirst) {
  MessageStack<Message> stack;
  EXPECT_EQ(stack.take_all(), nullptr);
  Message a{0, 1, nullptr};
  Message b{0, 2, nullptr};
  stack.push(&a);
  stack.push(&b);
  const Message* first = stack.take_all();
  EXPECT_EQ(first, &a);
  EXPECT_EQ(first->next_message, &b);
  EXPECT_EQ(b.next_message, nullptr);
  EXPECT_EQ(stack.take_all(), nullptr);
}

TEST(MessageStack, KeepsEachSendersOrderBetweenThreads) {
  constexpr int kSenders = 3;
  constexpr int kCount = 5000;
  MessageStack<Message> stack;
  std::vector<std::thread> senders;
  for (int sender = 0; sender < kSenders; ++sender) {
    senders.emplace_back([&stack, sender] {
      for (int i = 0; i < kCount; ++i) stack.push(new Message{sender, i, nullptr});
    });
  }
  int next[kSenders] = {};
  int received = 0;
  while (received < kSenders * kCount) {
    Message* message = stack.take_all();
    if (message == nullptr) std::this_thread::yield();
    while (message != nullptr) {
      EXPECT_EQ(message->number, next[message->sender]);
      ++next[message->sender];
      ++received;
      Message* following = message->next_message;
      delete message;
      message = following;
    }
  }
  for (std::thread& sender : senders) sender.join();
  EXPECT_EQ(stack.take_all(), nullptr);
}

}  // namespace
}  // namespace weir
