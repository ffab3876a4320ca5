// The tokens that one worker knows, and the requests that wait for one.
//
// A token is asked for once, however many wait; the answer comes to every worker that ever asked,
// so that a renewed token is there before the old one runs out. Worker thread.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/list.h"
#include "link/token_link.h"
#include "proxy/exchange.h"

namespace weir {

struct Worker;

// How long a request waits for a token before its attempt has failed.
constexpr uint32_t kTokenWaitMs = 15'000;

struct TokenTable {
  struct Entry {
    std::string value;
    int64_t usable_until_unix_ms = 0;
    uint64_t generation = 0;
    bool asked = false;  // the answer to a call is awaited
  };
  std::vector<Entry> entries;  // by Provider::token_slot
  List<Exchange, &Exchange::token_node> waiters;
};

// The token of the exchange's provider as it is now; empty when the adapter asked for none yet.
[[nodiscard]] std::string_view token_of(const Exchange* ex);
// The generation of a usable token that is there already, so that no step is spent on it; else 0.
[[nodiscard]] uint64_t token_known(const Exchange* ex);
// True: a usable token is there. False: the exchange waits, and either goes on in
// exchange_run_adapter() or fails. `refused`: the provider did not take the one in use.
[[nodiscard]] bool token_take(Exchange* ex, bool refused);
void token_forget_waiter(Exchange* ex);
// Everything that the control thread has sent.
void token_take_news(Worker* worker);

}  // namespace weir
