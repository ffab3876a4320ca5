// Short-lived tokens of providers: asked for once per credential however many wait, renewed before
// they run out, and told to every worker that ever asked (link/token_link.h).
//
// What is sent and how the answer is read is the adapter's (token_request, token_reply); this class
// adds the call, the single flight and the clock. Control thread.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include <weir/adapter.h>

#include "control/outbound.h"
#include "link/worker_link.h"
#include "route/target.h"

namespace weir {

class TokenService {
 public:
  explicit TokenService(Outbound* outbound) : outbound_(outbound) {}
  TokenService(const TokenService&) = delete;
  TokenService& operator=(const TokenService&) = delete;

  // The providers of the newest snapshot, whether they need a token or not. Those that are gone are
  // forgotten; a changed credential has a slot of its own (Registry::token_slot), which another may
  // get later.
  void configure(std::span<const std::shared_ptr<const Provider>> providers);
  // Takes the call over.
  void ask(TokenCall* call, int64_t unix_ms);
  // Renews what runs out soon.
  void tick(int64_t unix_ms);
  [[nodiscard]] uint64_t exchanges() const { return exchanges_; }

 private:
  struct Slot {
    std::shared_ptr<const Provider> provider;  // null: not configured any more
    Token token;
    int64_t usable_until_unix_ms = 0;
    int64_t renew_at_unix_ms = 0;
    int64_t not_before_unix_ms = 0;  // the next exchange, after one that failed
    int64_t replaced_unix_ms = 0;    // when a refused token was last replaced
    uint64_t generation = 0;
    uint64_t owner = 0;              // counts the owners of the slot: an answer is for one of them
    uint32_t failures = 0;           // in a row
    bool in_flight = false;
    Errc problem = Errc::kUpstreamUnavailable;
    std::string message;             // of the last failure
    std::vector<WorkerLink*> asked;  // ever
    std::vector<WorkerLink*> waiting;
  };

  void exchange(uint32_t slot, int64_t unix_ms);
  void give(uint32_t slot, std::shared_ptr<const Provider> provider);
  void finish(uint32_t slot, const OutboundReply& reply);
  void fail(Slot& slot, Errc problem, std::string message, int64_t unix_ms);
  void tell(WorkerLink* worker, uint32_t slot, bool good);
  void tell_all(uint32_t slot);

  Outbound* outbound_;
  std::vector<Slot> slots_;  // by Provider::token_slot
  uint64_t exchanges_ = 0;
};

}  // namespace weir
