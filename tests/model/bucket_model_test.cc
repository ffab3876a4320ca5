// Goal: a bucket with leases does, in every order of its atomic steps, what a plain one would do
// if each call happened at one moment between its begin and its end. Method: small scenes of two
// or three threads, all their interleavings, and for each a search for such moments.
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "limit/bucket_core.h"
#include "tests/model/plain_bucket.h"
#include "tests/model/interleave.h"

namespace weir {

// A hash of what the cores keep in their lines for themselves.
template <typename Bucket>
struct BucketPeek {
  static uint64_t hash(const Bucket& bucket) {
    uint64_t hash = 0;
    for (uint32_t core = 0; core < bucket.cores_; ++core) {
      const auto& line = bucket.lines_[core];
      for (const auto value : {line.granted, line.spent, line.counted}) {
        hash = model::mixed(hash, static_cast<uint64_t>(value));
      }
      hash = model::mixed(model::mixed(hash, line.until), line.epoch);
    }
    return hash;
  }
};

namespace {

using model::Explorer;

constexpr Nanos kInterval = 1'000'000'000;

struct Op {
  enum Kind { kTake, kGiveBack, kSettle, kLevel, kReconfigure } kind = kTake;
  int64_t n = 0, actual = 0;  // kSettle: reserved, actual
  Nanos now = 0;
  BucketSpec spec;
  // Only if the thread's take just before this one was given (and -1: always).
  int if_given = -1;
};

Op take(int64_t n, Nanos now = 0) { return {Op::kTake, n, 0, now, {}, -1}; }
Op give_back(int64_t n, Nanos now = 0, int if_given = -1) {
  return {Op::kGiveBack, n, 0, now, {}, if_given};
}
Op settle(int64_t reserved, int64_t actual, Nanos now = 0, int if_given = -1) {
  return {Op::kSettle, reserved, actual, now, {}, if_given};
}
Op ask_level(Nanos now = 0) { return {Op::kLevel, 0, 0, now, {}, -1}; }
Op reconfigure(BucketSpec spec, Nanos now = 0) { return {Op::kReconfigure, 0, 0, now, spec, -1}; }

struct Scene {
  BucketSpec spec;
  std::vector<Op> before;               // done first, by core 0
  std::vector<std::vector<Op>> threads; // thread i is core i
};

// What a call answers, of both kinds of bucket.
template <typename Bucket>
int64_t apply(Bucket& bucket, uint32_t core, const Op& op) {
  switch (op.kind) {
    case Op::kTake: return bucket.take(core, op.n, op.now) ? 1 : 0;
    case Op::kGiveBack: bucket.give_back(core, op.n, op.now); return 0;
    case Op::kSettle: bucket.settle(core, op.n, op.actual, op.now); return 0;
    case Op::kLevel: return bucket.level(op.now);
    case Op::kReconfigure: bucket.reconfigure(op.spec, op.now); return 0;
  }
  return 0;
}

int64_t apply(PlainBucket& bucket, const Op& op) {
  switch (op.kind) {
    case Op::kTake: return bucket.take(op.n) ? 1 : 0;
    case Op::kGiveBack: bucket.give_back(op.n); return 0;
    case Op::kSettle: bucket.settle(op.n, op.actual); return 0;
    case Op::kLevel: return bucket.level;
    case Op::kReconfigure: bucket.reconfigure(op.spec, op.now); return 0;
  }
  return 0;
}

// One call of a run.
struct Event {
  const Op* op = nullptr;
  uint32_t after = 0;  // the calls that had ended when this one began
  int64_t answer = 0;
  bool ended = false, skipped = false;
};

// Whether the calls have an order, no call before one that had ended when it began, in which a
// plain bucket answers the same and is left with `level`. Time of a call may pass before it takes
// effect: the refill belongs to the clock and not to the call.
bool explained(const std::vector<Event>& events, const PlainBucket& bucket, uint32_t ticked,
               uint32_t done, int64_t level) {
  if (done + 1 == (1u << events.size())) return bucket.level == level;
  for (size_t i = 0; i < events.size(); ++i) {
    const uint32_t bit = 1u << i;
    const Event& event = events[i];
    if ((done & bit) != 0 || (event.after & ~done) != 0) continue;
    PlainBucket next = bucket;
    if ((ticked & bit) == 0) {
      next.tick(event.op->now);
      // Only a tick that changes something is a choice of its own.
      if (next.end != bucket.end &&
          explained(events, next, ticked | bit, done, level)) return true;
    }
    if (!event.skipped && apply(next, *event.op) != event.answer) continue;
    if (explained(events, next, ticked | bit, done | bit, level)) return true;
  }
  return false;
}

template <typename Bucket>
class Player {
 public:
  explicit Player(const Scene& scene) : scene_(scene) {
    for (const auto& ops : scene_.threads) {
      for (const Op& op : ops) last_ = std::max(last_, op.now);
    }
  }

  Explorer::Run make() {
    const auto cores = static_cast<uint32_t>(scene_.threads.size());
    bucket_ = std::make_unique<Bucket>(cores, scene_.spec, 0);
    plain_ = PlainBucket(scene_.spec, 0);
    for (const Op& op : scene_.before) {
      EXPECT_EQ(apply(*bucket_, 0, op), apply(plain_, op));
    }
    events_.clear();
    Explorer::Run run;
    for (uint32_t core = 0; core < cores; ++core) {
      const size_t first = events_.size();
      for (const Op& op : scene_.threads[core]) events_.push_back({&op, 0, 0, false, false});
      const size_t end = events_.size();
      run.threads.push_back([this, core, first, end] { play(core, first, end); });
    }
    run.note = [this] { return note(); };
    run.check = [this] { check(); };
    return run;
  }
  // A run that no order of its calls explains; empty: there is none.
  [[nodiscard]] const std::string& broken() const { return broken_; }

 private:
  void play(uint32_t core, size_t first, size_t end) {
    bool given = true;
    for (size_t i = first; i < end; ++i) {
      Event& event = events_[i];
      event.skipped = event.op->if_given >= 0 && !given;
      Explorer::current()->at_next_step([this, &event] { event.after = ended(); });
      if (event.skipped) {
        Explorer::current()->step();
      } else {
        event.answer = apply(*bucket_, core, *event.op);
        if (event.op->kind == Op::kTake) given = event.answer != 0;
      }
      Explorer::current()->at_no_step();
      event.ended = true;
      Explorer::current()->forget(static_cast<uint64_t>(event.answer));
    }
  }

  [[nodiscard]] uint32_t ended() const {
    uint32_t mask = 0;
    for (size_t i = 0; i < events_.size(); ++i) mask |= events_[i].ended ? 1u << i : 0;
    return mask;
  }

  [[nodiscard]] uint64_t note() const {
    uint64_t hash = BucketPeek<Bucket>::hash(*bucket_);
    for (const Event& event : events_) {
      hash = model::mixed(hash, event.after * 4 + (event.ended ? 1u : 0u));
    }
    return hash;
  }

  void check() {
    const int64_t level = bucket_->level(last_);
    PlainBucket start = plain_;
    if (broken_.empty() && !explained(events_, start, 0, 0, level)) broken_ = describe(level);
  }

  [[nodiscard]] std::string describe(int64_t level) const {
    std::string text = "no order explains:";
    for (const Event& event : events_) {
      text += "\n kind " + std::to_string(event.op->kind) + " n " + std::to_string(event.op->n) +
              " now " + std::to_string(event.op->now) + " -> " + std::to_string(event.answer) +
              (event.skipped ? " skipped" : "") + " after " + std::to_string(event.after);
    }
    return text + "\n level " + std::to_string(level);
  }

  const Scene& scene_;
  Nanos last_ = 0;
  std::string broken_;
  std::unique_ptr<Bucket> bucket_;
  PlainBucket plain_{{}, 0};
  std::vector<Event> events_;
};

constexpr size_t kMostStates = 100'000;

template <typename Platform>
std::string explore_on(const Scene& scene, bool store_buffers) {
  Player<BasicBucket<Platform>> player(scene);
  Explorer explorer;
  explorer.set_store_buffers(store_buffers);
  EXPECT_TRUE(explorer.explore([&] { return player.make(); }, kMostStates));
  ::testing::Test::RecordProperty("states", static_cast<int>(explorer.states()));
  // One order only would mean that nothing was explored.
  EXPECT_GT(explorer.runs(), 10u);
  return player.broken();
}

// As every machine does it with locked steps alone, and as x86 does it with light lines.
void explore(const Scene& scene) {
  EXPECT_EQ(explore_on<model::ModelPlatform>(scene, false), "");
  EXPECT_EQ(explore_on<model::LightModelPlatform>(scene, true), "");
}

// With two cores a lease is given while an eighth of what is left is at least two takes.
TEST(BucketModel, TheLastTokensOfTwoCores) {
  explore({{0, 17, kInterval}, {}, {{take(1), take(1)}, {take(14), take(1)}}});
}

TEST(BucketModel, LeasesAreCalledBackBeforeARefusal) {
  explore({{0, 20, kInterval}, {take(1)}, {{take(1), take(1)}, {take(16), take(1), take(1)}}});
}

// The model sees what the fence is for.
TEST(BucketModel, LightLeasesNeedTheHeavyFence) {
  const Scene scene{{0, 20, kInterval}, {take(1)}, {{take(1), take(1)}, {take(18), take(1)}}};
  EXPECT_EQ(explore_on<model::BrokenModelPlatform>(scene, false), "");
  EXPECT_NE(explore_on<model::BrokenModelPlatform>(scene, true), "");
}

TEST(BucketModel, ThreeCores) {
  explore({{0, 26, kInterval}, {take(1)}, {{take(1)}, {take(1)}, {take(24)}}});
}

TEST(BucketModel, ARefillWhileOthersTake) {
  explore({{5, 20, kInterval}, {take(1)}, {{take(1, kInterval)}, {take(20, kInterval)}}});
}

TEST(BucketModel, AFullBucketIsNotRefilled) {
  explore({{20, 20, kInterval}, {take(1)}, {{take(1), take(1)}, {take(20, kInterval)}}});
}

TEST(BucketModel, RefundsNeverPassTheCapacity) {
  explore({{20, 20, kInterval}, {take(2)},
           {{give_back(2, kInterval)}, {take(2), give_back(2, kInterval, 0), take(1, kInterval)}}});
}

TEST(BucketModel, RefundsIntoAndBesideALease) {
  explore({{0, 20, kInterval}, {take(1)},
           {{give_back(1), take(1), give_back(1, 0, 0)}, {take(17), take(2)}}});
}

TEST(BucketModel, DebtIsChargedAgainstLeasesToo) {
  explore({{4, 20, kInterval}, {take(1)}, {{take(1)}, {settle(1, 21), take(1)}}});
}

TEST(BucketModel, MoreThanTheCapacityNeedsAFullBucket) {
  explore({{0, 20, kInterval}, {take(1)}, {{give_back(1)}, {take(25), take(1)}}});
}

TEST(BucketModel, ReconfiguredWhileOthersTake) {
  explore({{20, 20, kInterval}, {take(1)},
           {{take(1), give_back(1, 0, 0)}, {reconfigure({3, 8, kInterval})}}});
}

TEST(BucketModel, TheLevelIsExact) {
  explore({{3, 20, kInterval}, {take(1)}, {{take(1)}, {ask_level(), ask_level(kInterval)}}});
}

}  // namespace
}  // namespace weir
