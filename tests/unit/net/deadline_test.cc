#include "net/deadline.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <limits>
#include <map>
#include <memory>
#include <random>
#include <vector>

namespace weir {
namespace {

struct Alarm {
  Deadline deadline;
  int fired = 0;
  std::function<void(Alarm&)> then;
  Alarm() {
    deadline.owner = this;
    deadline.on_due = [](void* owner) {
      auto* self = static_cast<Alarm*>(owner);
      EXPECT_FALSE(self->deadline.armed());
      ++self->fired;
      if (self->then) self->then(*self);
    };
  }
};

TEST(Deadline, FiresNotBeforeItsTimeAndWithinOneTick) {
  for (Millis due = 1000; due < 1010; ++due) {
    DeadlineWheel wheel(1000);
    Alarm alarm;
    wheel.arm(&alarm.deadline, due);
    Millis now = 1000;
    while (alarm.fired == 0 && now < 1020) wheel.advance(++now);
    EXPECT_GE(now, due);
    EXPECT_LE(now, std::max<Millis>(due, 1001) + DeadlineWheel::kTickMs);
  }
}

TEST(Deadline, NothingArmedMeansNoWakeUp) {
  DeadlineWheel wheel(5);
  EXPECT_EQ(wheel.next_due(), std::numeric_limits<Millis>::max());
  Alarm alarm;
  wheel.arm(&alarm.deadline, 100);
  EXPECT_EQ(wheel.armed(), 1u);
  EXPECT_EQ(wheel.next_due(), 100u);
  wheel.disarm(&alarm.deadline);
  wheel.disarm(&alarm.deadline);
  EXPECT_EQ(wheel.armed(), 0u);
  EXPECT_EQ(wheel.next_due(), std::numeric_limits<Millis>::max());
  wheel.advance(1'000'000);
  EXPECT_EQ(alarm.fired, 0);
}

TEST(Deadline, ArmingAgainMovesIt) {
  DeadlineWheel wheel(0);
  Alarm alarm;
  wheel.arm(&alarm.deadline, 40);
  wheel.arm(&alarm.deadline, 80);
  EXPECT_EQ(wheel.armed(), 1u);
  wheel.advance(79);
  EXPECT_EQ(alarm.fired, 0);
  wheel.advance(80);
  EXPECT_EQ(alarm.fired, 1);
}

TEST(Deadline, PutOffAgainAndAgainFiresOnceAtItsLastTime) {
  DeadlineWheel wheel(0);
  Alarm alarm;
  for (Millis now = 0; now < 20'000; now += 10) {
    wheel.arm(&alarm.deadline, now + 6'000);
    wheel.advance(now);
  }
  EXPECT_EQ(wheel.armed(), 1u);
  wheel.advance(25'989);
  EXPECT_EQ(alarm.fired, 0);
  wheel.advance(25'992);
  EXPECT_EQ(alarm.fired, 1);
  EXPECT_EQ(wheel.armed(), 0u);
}

TEST(Deadline, LongDeadlinesWaitOutManyRevolutions) {
  DeadlineWheel wheel(0);
  Alarm alarm;
  wheel.arm(&alarm.deadline, 75'001);
  Millis now = 0;
  // Sleeping as long as next_due() allows never makes it late.
  while (alarm.fired == 0) {
    const Millis next = wheel.next_due();
    ASSERT_GT(next, now);
    now = next;
    wheel.advance(now);
  }
  EXPECT_GE(now, 75'001u);
  EXPECT_LE(now, 75'001u + DeadlineWheel::kTickMs);
}

TEST(Deadline, AfterALongSleepAllThatIsDueFires) {
  DeadlineWheel wheel(0);
  std::vector<Alarm> alarms(5000);
  for (size_t i = 0; i < alarms.size(); ++i) wheel.arm(&alarms[i].deadline, i * 7);
  wheel.advance(20'000);
  for (size_t i = 0; i < alarms.size(); ++i) {
    EXPECT_EQ(alarms[i].fired, i * 7 <= 20'000 ? 1 : 0) << i;
    wheel.disarm(&alarms[i].deadline);
  }
}

TEST(Deadline, FarthestTimeIsLegal) {
  DeadlineWheel wheel(0);
  Alarm alarm;
  wheel.arm(&alarm.deadline, std::numeric_limits<Millis>::max() - 8);
  wheel.advance(1'000'000'000);
  EXPECT_EQ(alarm.fired, 0);
  wheel.disarm(&alarm.deadline);
}

TEST(Deadline, CallbacksMayRearmThemselvesAndDisarmOthers) {
  DeadlineWheel wheel(0);
  Alarm first;
  Alarm second;
  Alarm third;
  wheel.arm(&first.deadline, 10);
  wheel.arm(&second.deadline, 10);
  wheel.arm(&third.deadline, 11);
  first.then = [&](Alarm& self) {
    wheel.disarm(&second.deadline);
    wheel.arm(&third.deadline, 500);
    wheel.arm(&self.deadline, 0);  // past: runs with the next tick, not in this advance
  };
  wheel.advance(100);
  EXPECT_EQ(first.fired, 1);
  EXPECT_EQ(second.fired, 0);
  EXPECT_EQ(third.fired, 0);
  EXPECT_EQ(wheel.armed(), 2u);
  first.then = nullptr;
  wheel.advance(104);
  EXPECT_EQ(first.fired, 2);
  wheel.advance(500);
  EXPECT_EQ(third.fired, 1);
  EXPECT_EQ(wheel.armed(), 0u);
}

TEST(Deadline, APausedOneDoesNotFireAndIsArmedAgainAtAnyTime) {
  DeadlineWheel wheel(0);
  Alarm alarm;
  wheel.arm(&alarm.deadline, 100);
  wheel.pause(&alarm.deadline);
  EXPECT_FALSE(alarm.deadline.armed());
  EXPECT_EQ(wheel.armed(), 0u);
  EXPECT_EQ(wheel.next_due(), std::numeric_limits<Millis>::max()) << "nothing to wake up for";
  wheel.arm(&alarm.deadline, 50);  // earlier than the place it kept
  EXPECT_EQ(wheel.armed(), 1u);
  wheel.advance(60);
  EXPECT_EQ(alarm.fired, 1);
  wheel.arm(&alarm.deadline, 100);
  wheel.pause(&alarm.deadline);
  wheel.arm(&alarm.deadline, 300);  // later
  wheel.advance(200);
  EXPECT_EQ(alarm.fired, 1);
  wheel.pause(&alarm.deadline);
  wheel.advance(400);
  EXPECT_EQ(alarm.fired, 1);
  EXPECT_FALSE(alarm.deadline.node.linked()) << "its place is given up when its time comes";
  wheel.arm(&alarm.deadline, 500);
  wheel.advance(600);
  EXPECT_EQ(alarm.fired, 2);
}

TEST(Deadline, APausedOneLeavesTheWheelWhenItIsDisarmed) {
  DeadlineWheel wheel(0);
  Alarm other;
  wheel.arm(&other.deadline, 100);
  {
    Alarm alarm;
    wheel.arm(&alarm.deadline, 100);
    wheel.pause(&alarm.deadline);
    wheel.pause(&alarm.deadline);
    wheel.disarm(&alarm.deadline);
    EXPECT_FALSE(alarm.deadline.node.linked());
  }
  EXPECT_EQ(wheel.armed(), 1u);
  wheel.advance(200);
  EXPECT_EQ(other.fired, 1);
}

TEST(Deadline, CallbacksMayPauseOthersThatAreDueToo) {
  DeadlineWheel wheel(0);
  Alarm first;
  Alarm second;
  wheel.arm(&first.deadline, 10);
  wheel.arm(&second.deadline, 10);
  first.then = [&](Alarm&) { wheel.pause(&second.deadline); };
  wheel.advance(100);
  EXPECT_EQ(first.fired, 1);
  EXPECT_EQ(second.fired, 0);
  EXPECT_EQ(wheel.armed(), 0u);
}

// Goal: random arming, pausing, disarming and jumps of time agree with a sorted list.
TEST(Deadline, AgreesWithASortedList) {
  const uint64_t seed = std::random_device{}();
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  std::mt19937_64 random(seed);
  Millis now = random() % 1'000'000;
  DeadlineWheel wheel(now);
  std::vector<std::unique_ptr<Alarm>> alarms;
  for (int i = 0; i < 200; ++i) alarms.push_back(std::make_unique<Alarm>());
  std::map<Alarm*, std::pair<Millis, Millis>> oracle;  // due, and not earlier than this tick's end
  for (int step = 0; step < 20'000; ++step) {
    Alarm* alarm = alarms[random() % alarms.size()].get();
    const uint64_t what = random() % 10;
    if (what < 5) {
      const Millis due = now + random() % (random() % 4 == 0 ? 50'000 : 300);
      wheel.arm(&alarm->deadline, due);
      oracle[alarm] = {due, now / DeadlineWheel::kTickMs * DeadlineWheel::kTickMs + 4};
    } else if (what < 7) {
      what == 5 ? wheel.pause(&alarm->deadline) : wheel.disarm(&alarm->deadline);
      oracle.erase(alarm);
    } else {
      now += random() % (random() % 50 == 0 ? 20'000 : 30);
      wheel.advance(now);
    }
    Millis earliest = std::numeric_limits<Millis>::max();
    for (auto it = oracle.begin(); it != oracle.end();) {
      const auto [due, floor] = it->second;
      if (it->first->deadline.armed()) {
        ASSERT_LT(now, std::max(due, floor) + DeadlineWheel::kTickMs) << "late";
        earliest = std::min(earliest, std::max(due, floor) + DeadlineWheel::kTickMs);
        ++it;
      } else {
        ASSERT_GE(now, due) << "early";
        it = oracle.erase(it);
      }
    }
    ASSERT_EQ(wheel.armed(), oracle.size());
    ASSERT_LE(wheel.next_due(), earliest) << "would sleep too long";
  }
  for (auto& alarm : alarms) wheel.disarm(&alarm->deadline);
}

}  // namespace
}  // namespace weir
