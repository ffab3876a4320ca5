// A whole worker on a simulated clock and network: what the sim tests, the lifetime fuzzer and the
// proxy benchmark share.
//
// Describe providers and routes, publish(), connect clients, and run(). Nothing moves by itself:
// run() delivers what waits, advance() lets time pass from deadline to deadline. After every event
// the invariants of the counters are checked, and finished requests are taken from the ledger. The
// end of the world closes everything and checks that nothing is left: no connection, no request, no
// pin, no buffered byte. One thread.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "limit/estimate.h"
#include "limit/registry.h"
#include "link/worker_link.h"
#include "proxy/worker.h"
#include "route/health.h"
#include "sim_net.h"

namespace weir {

struct SimRoute {
  std::string name;
  std::vector<uint32_t> providers;  // one target each, tried in this order
  uint32_t suspend_ms = 10'000;
  uint32_t max_attempts = 3;
  bool own_name = false;  // the providers call the model as the route does
  Algorithm algorithm = Algorithm::kPriority;
  // By target, as far as they go: what requests may choose by.
  std::vector<int64_t> costs = {};
  std::vector<std::string> families = {}, regions = {};
  // An alias of its own bucket that never refills; 0: none.
  int64_t limit = 0;
};

// A small generator, so that a seed gives the same play everywhere.
class SimRandom {
 public:
  explicit SimRandom(uint64_t seed) : state_(seed * 2 + 1) {}
  uint64_t next();
  uint64_t below(uint64_t bound) { return next() % bound; }

 private:
  uint64_t state_;
};

class SimWorld {
 public:
  static constexpr std::string_view kKey = "client-key";
  static constexpr UnixMillis kStartUnixMs = 1'700'000'000'000;
  static constexpr std::string_view kDate = "date: Tue, 14 Nov 2023 22:13:20 GMT\r\n";

  // `seed` 0: events in order of their connections; else in an order drawn from it.
  explicit SimWorld(uint64_t seed = 0);
  ~SimWorld();
  SimWorld(const SimWorld&) = delete;
  SimWorld& operator=(const SimWorld&) = delete;

  // The configuration; takes effect with publish().
  Provider& add_provider(std::string_view type = "openai");
  SimRoute& add_route(std::string_view name, std::vector<uint32_t> providers);
  // `count` providers behind one model, "m"; published.
  void serve(uint32_t count = 1);
  void publish();
  std::deque<Provider> providers;
  std::deque<SimRoute> routes;
  ClientLimits limits;
  std::shared_ptr<const Access> access;  // of the client's key
  // The tenant has buckets that never refill: at the end of the world they must hold what the
  // counters say was not used. Set before publish().
  static constexpr int64_t kAmple = 1'000'000'000'000;
  bool limited = false;
  int64_t tokens = kAmple;
  std::shared_ptr<const JwtTrust> trust;  // whose tokens are believed
  std::vector<KeyDigest> callers;         // who has a principal, besides kKey

  SimPeer* connect();
  SimPeer* connect(std::string_view bytes);  // and sends, and runs
  bool step(uint64_t choice);
  void run();
  void advance(Millis ms);
  // Jumps to the next deadline. False: none is armed.
  bool jump();
  void drain();
  // Answers what waits at the control thread; returns how many calls there were.
  size_t answer_control();

  [[nodiscard]] SimPeer* upstream(size_t index) { return net.dialled().at(index); }
  [[nodiscard]] size_t dials() const { return net.dialled().size(); }
  [[nodiscard]] uint32_t pinned() const;
  [[nodiscard]] const MetricsBlock& metrics() const { return worker->metrics; }
  [[nodiscard]] Millis now_ms() const { return now_ns / kNanosPerMilli; }

  SimNet net;
  Nanos now_ns = 1'000'000'000;
  std::deque<TargetHealth> health;  // by provider
  std::deque<LedgerRecord> records;
  uint64_t finished[4] = {};  // by Outcome, all requests
  bool checks = true;         // off in the benchmark
  bool ledger_stuck = false;  // the control thread does not take the finished requests
  size_t most_queued = 0;     // peak of bytes that no peer had taken
  std::unique_ptr<Worker> worker;
  WorkerLink link{0, 1};
  ControlLink control;
  InflightBoard inflight{1};

 private:
  Route make_route(const SimRoute& from, uint32_t slot,
                   const std::vector<std::shared_ptr<const Provider>>& built);
  void after_event();
  void check_counters() const;
  static void check_stages(const LedgerRecord& record);
  void check_buckets();

  std::deque<Publication> publications_;
  LimitRegistry buckets_{1};
  std::deque<OutputEstimate> outputs_;  // by route
  SimRandom random_;
  bool in_order_;
  uint64_t epoch_ = 0;
  uint32_t next_pin_ = 0;
  int64_t charged_ = 0;  // requests that keep the token they took
};

}  // namespace weir
