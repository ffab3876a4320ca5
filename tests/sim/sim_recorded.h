// Streams recorded from real providers, for plays in the simulation. They are not part of the
// project: WEIR_FIXTURES names their folder, ../shared/fixtures/providers beside the project
// otherwise.
#pragma once

#include <string>
#include <vector>

#include "link/ledger_record.h"
#include "sim_world.h"

namespace weir {

struct SimRecording {
  std::string name, type;
  std::string head, body;  // of the provider's answer, framed by Content-Length
};

// Empty when the folder is not there.
[[nodiscard]] std::vector<SimRecording> sim_recordings();

enum class SimEnd : uint8_t { kClientGone, kUpstreamFin, kUpstreamReset };

// A world with one provider of that type behind the model "m", and buckets that are watched.
class SimRecordedWorld {
 public:
  explicit SimRecordedWorld(const std::string& type);
  // Plays a streamed request that ends after `cut` bytes of the answer's body; returns its record.
  // Checks that there is exactly one, and that nothing stays reserved.
  LedgerRecord play(const SimRecording& recording, size_t cut, SimEnd end);
  [[nodiscard]] const SimWorld& world() const { return world_; }

 private:
  SimWorld world_;
};

}  // namespace weir
