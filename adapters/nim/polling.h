// Fetching an answer that was accepted with status 202: wait, ask the status address, again, until
// there is an answer or an error. The engine's timeouts and the client's going away end it.
//
// The place is Provider::second, which second_url() names. What is kept between the steps lies in
// Call::state behind the bytes of stream_repair(). Worker thread, except nim_status_url().
#pragma once

#include <string>

#include <weir/adapter.h>

namespace weir {

// The base URL of the status address: the option `status_url`, or NVIDIA's own for providers at a
// host of api.nvidia.com. Empty otherwise: a key is not sent to a host that nobody named.
[[nodiscard]] std::string nim_status_url(const Provider& provider);

[[nodiscard]] inline bool polling_wanted(const Reply& head) {
  return head.status == 202;
}

// The step after a 202 (Call::reply): a wait, then a GET.
[[nodiscard]] Result<void> polling_next(Call& call, Step* step);

}  // namespace weir
