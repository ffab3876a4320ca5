// Host names to addresses, cached, on libuv's thread pool. One lookup per host runs at a time; who
// waits for it is linked to it and unlinks when it no longer cares. Lookups belong to the resolver,
// so a connection may die before its lookup ends. Failing lookups fall back to old addresses for
// kStaleMs. Worker thread only; literal addresses never come here.
#pragma once

#include <netinet/in.h>
#include <uv.h>

#include <array>
#include <memory>
#include <string>
#include <unordered_map>

#include "base/clock.h"
#include "base/list.h"
#include "net/transport.h"

namespace weir {

union Address {
  sockaddr any;
  sockaddr_in v4;
  sockaddr_in6 v6;
};

struct AddressList {
  static constexpr size_t kMax = 8;
  std::array<Address, kMax> items;
  size_t count = 0;
};

struct ResolveWaiter {
  ListNode node;
  // `addresses` is borrowed until return; empty when `error` is not kNone.
  void (*on_resolved)(ResolveWaiter*, NetError error, const AddressList& addresses) = nullptr;
};

// What a test replaces.
struct ResolverHooks {
  decltype(&uv_getaddrinfo) lookup = &uv_getaddrinfo;
  uint64_t (*now)(const uv_loop_t*) = &uv_now;
};

class Resolver {
 public:
  static constexpr Millis kFreshMs = 30'000;
  static constexpr Millis kFailedMs = 2'000;
  static constexpr Millis kStaleMs = 300'000;
  static constexpr size_t kMaxHosts = 1024;

  explicit Resolver(uv_loop_t* loop, ResolverHooks hooks = {});
  ~Resolver();
  Resolver(const Resolver&) = delete;
  Resolver& operator=(const Resolver&) = delete;

  // Calls on_resolved now when the answer is known, else later; never on an unlinked waiter.
  void resolve(const std::string& host, ResolveWaiter* waiter);
  // Gives up what can be given up; `on_idle` comes when the last lookup is gone, maybe now.
  void close(void (*on_idle)(void* user), void* user);
  [[nodiscard]] size_t running() const { return running_; }
  [[nodiscard]] size_t size() const { return entries_.size(); }
  void set_hooks(ResolverHooks hooks) { hooks_ = hooks; }

 private:
  struct Entry {
    uv_getaddrinfo_t request;
    Resolver* resolver = nullptr;
    bool busy = false;
    NetError error = NetError::kNone;
    Millis expires = 0;     // of the answer, good or bad
    Millis good_until = 0;  // how long `addresses` may be used when the name server fails
    AddressList addresses;
    List<ResolveWaiter, &ResolveWaiter::node> waiters;
  };

  Entry* find_or_make(const std::string& host);
  bool make_room();
  static void on_lookup(uv_getaddrinfo_t* request, int status, addrinfo* list);
  void finish(Entry* entry, int status, const addrinfo* list);
  void answer(Entry* entry);

  uv_loop_t* loop_;
  ResolverHooks hooks_;
  std::unordered_map<std::string, std::unique_ptr<Entry>> entries_;
  size_t running_ = 0;
  bool closed_ = false;
  void (*on_idle_)(void* user) = nullptr;
  void* user_ = nullptr;
};

}  // namespace weir
