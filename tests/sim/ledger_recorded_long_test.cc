// An end at every byte of every recorded stream, from either side.
#include <gtest/gtest.h>

#include "sim_recorded.h"

namespace weir {
namespace {

TEST(LedgerRecorded, EndsAtEveryByte) {
  const auto recordings = sim_recordings();
  if (recordings.empty()) GTEST_SKIP() << "no recordings; WEIR_FIXTURES names their folder";
  size_t plays = 0;
  for (const SimRecording& recording : recordings) {
    SCOPED_TRACE(recording.name);
    for (const SimEnd end : {SimEnd::kClientGone, SimEnd::kUpstreamFin}) {
      SimRecordedWorld world(recording.type);
      for (size_t cut = 0; cut <= recording.body.size(); ++cut, ++plays) {
        (void)world.play(recording, cut, end);
      }
    }
  }
  std::printf("%zu plays of %zu recorded streams\n", plays, recordings.size());
}

}  // namespace
}  // namespace weir
