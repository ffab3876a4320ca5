// Recorded streams that end early, from either side, at random bytes: each record closes once, and
// what was reserved is settled or given back. The long tests take every byte.
#include <gtest/gtest.h>

#include "sim_recorded.h"

namespace weir {
namespace {

TEST(LedgerRecorded, EndsAtRandomBytes) {
  const auto recordings = sim_recordings();
  if (recordings.empty()) GTEST_SKIP() << "no recordings; WEIR_FIXTURES names their folder";
  constexpr uint64_t kSeed = 20;
  SimRandom random(kSeed);
  uint64_t settled = 0;
  for (const SimRecording& recording : recordings) {
    SCOPED_TRACE(recording.name);
    for (const SimEnd end : {SimEnd::kClientGone, SimEnd::kUpstreamFin, SimEnd::kUpstreamReset}) {
      SimRecordedWorld world(recording.type);
      for (int i = 0; i < 6; ++i) {
        (void)world.play(recording, random.below(recording.body.size() + 1), end);
      }
      settled += world.world().metrics().settled_tokens;
    }
  }
  EXPECT_GT(settled, 0u);
  std::printf("%zu recorded streams\n", recordings.size());
}

// The whole recording comes through as what it is: an answer, or an error of the provider.
TEST(LedgerRecorded, TheWholeStreamIsAccountedFor) {
  const auto recordings = sim_recordings();
  if (recordings.empty()) GTEST_SKIP() << "no recordings; WEIR_FIXTURES names their folder";
  int completed = 0;
  for (const SimRecording& recording : recordings) {
    SCOPED_TRACE(recording.name);
    SimRecordedWorld world(recording.type);
    const LedgerRecord record =
        world.play(recording, recording.body.size(), SimEnd::kUpstreamReset);
    EXPECT_NE(record.outcome, Outcome::kCancelled);
    if (record.outcome == Outcome::kCompleted) ++completed;
  }
  EXPECT_GT(completed, static_cast<int>(recordings.size() * 3 / 4));
}

}  // namespace
}  // namespace weir
