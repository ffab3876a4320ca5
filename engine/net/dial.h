// Opens one connection to a provider: name -> addresses -> TCP (the next address at once after a
// refusal, beside the running one after kHeadStartMs) -> CONNECT proxy -> TLS -> on_open.
//
// A Dial works for one Tcp and is detached from it by dial_release(), on success, failure or close;
// it frees itself when its timer is gone, and an attempt when its handle is. It sets no deadline:
// the owner has one. Worker thread only.
#pragma once

#include <uv.h>

#include <string>
#include <string_view>

#include "base/list.h"
#include "net/resolver.h"
#include "net/transport.h"

namespace weir {

struct Dial;
struct Tcp;
struct UvNet;

// One address whose answer is waited for.
struct DialAttempt {
  uv_poll_t poll;
  ListNode node;  // in Dial::attempts
  Dial* dial = nullptr;
  UvNet* net = nullptr;
  Address address;
  int fd = -1;
};

struct Dial {
  static constexpr uint64_t kHeadStartMs = 250;
  static constexpr size_t kProxyHeadBytes = 8 * 1024;

  UvNet* net = nullptr;
  Tcp* tcp = nullptr;  // null once released
  std::string host;    // what the connection is for
  uint16_t port = 0;
  uint16_t connect_port = 0;
  bool deny_private = false;
  bool through_proxy = false;
  std::string proxy_authorization;
  std::string proxy_reply;
  ResolveWaiter waiter;
  AddressList addresses;
  size_t next = 0;  // address to try next
  List<DialAttempt, &DialAttempt::node> attempts;
  uv_timer_t timer;
  bool timer_made = false;  // and its handle is not gone yet
  NetError error = NetError::kNone;
  std::string detail;
};

[[nodiscard]] Transport* dial_start(Net* net, const Provider& provider,
                                    const TransportEvents* events, void* owner);
// on_open with this error comes in a later turn.
void dial_fail(Dial* dial, NetError error, std::string_view detail);
void dial_report_failure(Dial* dial);
void dial_on_write_failed(Dial* dial, NetError error);
// TLS is done: hands the connection over.
void dial_opened(Dial* dial);
// It was handed over in a turn in which its owner may have been dialling still.
void dial_report_opened(Tcp* tcp);
void dial_on_proxy_bytes(Dial* dial, std::string_view bytes);
void dial_on_proxy_ended(Dial* dial);
// Closes what is still open; the Tcp goes on without it.
void dial_release(Dial* dial);

}  // namespace weir
