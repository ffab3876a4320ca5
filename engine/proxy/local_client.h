// A caller inside the process: asks without a socket, and gets the answer by callbacks.
//
// local_submit() copies the request and returns; everything else happens in local_run(), which
// whoever drives the worker calls soon after LocalClients::soon was called. So no callback ever
// comes from inside local_submit(), local_cancel(), local_pause() or local_resume(), and all four
// may be called from inside a callback. Exactly one on_end comes for each request, as its last.
// Freed in local_run() or in its `ended`, after on_end. Worker thread.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include <weir/submit.h>

#include "base/arena.h"
#include "base/list.h"
#include "base/pool.h"
#include "net/deadline.h"
#include "proxy/auth.h"
#include "proxy/body_buffer.h"
#include "proxy/client.h"

namespace weir {

struct Worker;

struct LocalClient : Client {
  LocalClient(Worker* w, const AnswerEvents* the_events, void* the_user);
  ~LocalClient();

  enum class State : uint8_t { kWaiting, kStarting, kRunning, kCancelling };

  const AnswerEvents* events;
  void* user;
  uint64_t id = 0;
  LocalClient* next_by_id = nullptr;
  ListNode ready_node;   // in LocalClients::ready
  State state = State::kWaiting;
  bool paused = false;
  bool resumed = false;  // the exchange is to be told
  bool over = false;     // ended while it was being started
  AnswerEnd how = AnswerEnd::kComplete;
  Deadline stall;        // a pause lasts too long
  SubmitRequest request;  // views into `texts`; the body is in `body`
  uint64_t body_bytes = 0;
  BodyBuffer body;
  Arena texts{block, sizeof block};
  alignas(16) char block[256];
};

// All of a worker's.
struct LocalClients {
  explicit LocalClients(uint32_t core);

  Pool<LocalClient> pool{256};
  List<LocalClient, &LocalClient::ready_node> ready;
  size_t ready_count = 0;
  std::array<LocalClient*, 1024> by_id{};
  uint64_t next_id;
  AcceptedKey key;
  // Told when there is something for local_run(); not from inside it.
  void (*soon)(void* context) = nullptr;
  void* soon_context = nullptr;
};

// The id, which is `id` or, when that is 0, a new one. 0: not taken, because the worker is
// draining, has no configuration yet, or holds too many bytes; no callback comes then.
[[nodiscard]] uint64_t local_submit(Worker* worker, const SubmitRequest& request,
                                    const AnswerEvents* events, void* user, uint64_t id = 0);
// Ids are worker's core, shifted, plus a number: odd for the worker's own, even for who counts
// them elsewhere (`number` from 1 on).
[[nodiscard]] constexpr uint64_t local_other_id(uint32_t core, uint64_t number) {
  return uint64_t{core} << 48 | number * 2;
}
[[nodiscard]] constexpr uint32_t local_core_of(uint64_t id) {
  return static_cast<uint32_t>(id >> 48);
}

// Unknown ids (of what has ended) mean nothing. After a pause, what one read of the provider
// brought may still come; a pause longer than the write-stall timeout cancels.
void local_cancel(Worker* worker, uint64_t id);
void local_pause(Worker* worker, uint64_t id);
void local_resume(Worker* worker, uint64_t id);

// Does what waits; what comes up meanwhile waits for the next call.
void local_run(Worker* worker);
// Cancels all; their ends come with the next local_run().
void local_cancel_all(Worker* worker);

}  // namespace weir
