// Short-lived tokens of providers on their way between workers and the control thread.
//
// A worker asks with a TokenCall and keeps what comes back in its own table, so that a token is
// never shared memory. The control thread tells every worker that ever asked about each new token.
#pragma once

#include <cstdint>
#include <string>

#include <weir/types.h>

namespace weir {

struct WorkerLink;

// Allocated by the worker, freed by the control thread.
struct TokenCall {
  TokenCall* next_message = nullptr;
  WorkerLink* worker = nullptr;
  uint32_t slot = 0;     // Provider::token_slot
  uint64_t refused = 0;  // generation that the provider refused; 0: there is none yet
};

// Allocated by the control thread, freed by the worker. Without a value, `problem` says why.
struct TokenNews {
  TokenNews* next_message = nullptr;
  uint32_t slot = 0;
  uint64_t generation = 0;         // counts up from 1 with every token of the slot
  std::string value;
  int64_t usable_until_unix_ms = 0;
  Errc problem = Errc::kUpstreamUnavailable;
  std::string message;             // no part of a credential
};

}  // namespace weir
