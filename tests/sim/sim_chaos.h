// Random play on a SimWorld: clients and providers that do anything at any time, and time that
// jumps. Each decision is one number from `source`, so a seed or the bytes of a fuzzer replay it.
//
// What must always hold is checked all along, by the world (counters) and here: a client never gets
// more answers than it sent requests, answers come in order, and one that is framed as whole holds
// what a provider really sent whole. One thread.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "sim_world.h"

namespace weir {

// Where decisions come from. Once it is used up, next() gives 0 and the play ends.
struct ChaosSource {
  uint64_t (*next)(void* context) = nullptr;
  void* context = nullptr;
  uint64_t below(uint64_t bound) const { return next(context) % bound; }
};

class SimChaos {
 public:
  explicit SimChaos(ChaosSource source);
  ~SimChaos();
  // One thing happens: to a client, to a provider, to the clock, or an event is delivered.
  void play();
  // No further requests; lets everything come to an end and checks what all clients got.
  void finish();
  [[nodiscard]] const SimWorld& world() const { return world_; }
  [[nodiscard]] uint64_t requests() const { return requests_; }

 private:
  struct Client {
    SimPeer* peer = nullptr;
    uint64_t sent = 0;  // requests begun
    uint64_t first_id = 0;
    std::string unsent;   // of a request that goes out in pieces
    std::string text;     // all it got
    bool broken = false;  // it sent nonsense or was told to close: nothing more is expected
  };
  struct Upstream {
    SimPeer* peer = nullptr;
    bool opened = false;
    std::string reply = {};  // being sent
    size_t at = 0;
    bool closes = false;
  };

  void client_acts();
  void client_begins(Client* client);
  void client_sends(Client* client);
  void client_leaves(Client* client);
  void upstream_acts();
  void upstream_opens(Upstream* up);
  void upstream_answers(Upstream* up);
  void upstream_sends(Upstream* up);
  void meet_dialled();
  void reload();
  void forget();
  void check(const Client& client) const;
  std::string request_text();
  std::string reply_text(bool stream, bool* closes);

  ChaosSource source_;
  SimWorld world_;
  std::vector<std::unique_ptr<Client>> clients_;
  std::vector<Upstream> upstreams_;
  size_t met_ = 0;
  uint64_t requests_ = 0;
};

}  // namespace weir
