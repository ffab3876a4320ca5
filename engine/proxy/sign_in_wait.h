// Names the caller of a request, and lets the request wait where only the control thread can.
//
// A token whose signature is good may wait for its principal while the body arrives. One whose key
// is not known yet is a stranger's: few of these wait at a time, and only with a small body.
// Worker thread.
#pragma once

#include <weir/types.h>

#include "proxy/exchange.h"

namespace weir {

struct SignInCall;
struct Worker;

// How long a request whose body is there waits, before it is refused.
constexpr uint32_t kSignInWaitMs = 6'000;
// Of requests with a token of an unknown key.
constexpr uint32_t kMaxStrangersWaiting = 64;      // per worker
constexpr uint64_t kMaxStrangerBodyBytes = 64 * 1024;

// The principal is pinned, or ex->signing_in is set and the answer will come.
[[nodiscard]] Result<void> sign_in_admit(Exchange* ex, const RequestHead& head);
// The body is complete and the answer is not there yet.
void sign_in_wait(Exchange* ex);
void sign_in_on_timeout(Exchange* ex);
// Everything that the control thread has answered.
void sign_in_take_answers(Worker* worker, SignInCall* answers);

}  // namespace weir
