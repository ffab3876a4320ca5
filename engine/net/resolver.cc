#include "net/resolver.h"

#include <netdb.h>

#include <cstring>

#include "base/check.h"

namespace weir {
namespace {

const AddressList kNoAddresses = {};

// The first `kMax` addresses in the system's order, but families take turns, so that a host whose
// IPv6 is broken is reached by its second address.
AddressList interleave(const addrinfo* list) {
  AddressList out;
  const addrinfo* next[2] = {list, list};
  int family = 0;
  const auto skip_to = [](const addrinfo* item, int wanted) {
    while (item != nullptr && item->ai_family != wanted) item = item->ai_next;
    return item;
  };
  const auto other = [](int f) { return f == AF_INET ? AF_INET6 : AF_INET; };
  for (const addrinfo* item = list; item != nullptr && family == 0; item = item->ai_next) {
    if (item->ai_family == AF_INET || item->ai_family == AF_INET6) family = item->ai_family;
  }
  while (family != 0 && out.count < AddressList::kMax) {
    const addrinfo*& mine = next[family == AF_INET];
    mine = skip_to(mine, family);
    if (mine == nullptr) {
      family = other(family);
      const addrinfo*& rest = next[family == AF_INET];
      rest = skip_to(rest, family);
      if (rest == nullptr) break;
    }
    const addrinfo*& taken = next[family == AF_INET];
    Address& address = out.items[out.count++];
    std::memset(&address, 0, sizeof(address));
    std::memcpy(&address, taken->ai_addr, family == AF_INET ? sizeof(sockaddr_in)
                                                            : sizeof(sockaddr_in6));
    WEIR_DCHECK(address.any.sa_family == family);
    taken = taken->ai_next;
    family = other(family);
  }
  return out;
}

}  // namespace

Resolver::Resolver(uv_loop_t* loop, ResolverHooks hooks) : loop_(loop), hooks_(hooks) {}

Resolver::~Resolver() { WEIR_CHECK(running_ == 0); }

void Resolver::resolve(const std::string& host, ResolveWaiter* waiter) {
  Entry* entry = closed_ ? nullptr : find_or_make(host);
  if (entry == nullptr) return waiter->on_resolved(waiter, NetError::kNoResources, kNoAddresses);
  const Millis now = hooks_.now(loop_);
  if (!entry->busy && now < entry->expires) {
    const bool good = entry->error == NetError::kNone;
    return waiter->on_resolved(waiter, entry->error, good ? entry->addresses : kNoAddresses);
  }
  entry->waiters.push_back(waiter);
  if (entry->busy) return;
  addrinfo hints;
  std::memset(&hints, 0, sizeof(hints));
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  entry->busy = true;
  ++running_;
  const int error =
      hooks_.lookup(loop_, &entry->request, on_lookup, host.c_str(), nullptr, &hints);
  if (error != 0) finish(entry, error, nullptr);
}

void Resolver::close(void (*on_idle)(void* user), void* user) {
  closed_ = true;
  on_idle_ = on_idle;
  user_ = user;
  for (const auto& [host, entry] : entries_) {
    entry->waiters.for_each([](ResolveWaiter* waiter) { waiter->node.unlink(); });
    if (entry->busy) uv_cancel(reinterpret_cast<uv_req_t*>(&entry->request));
  }
  if (running_ == 0) on_idle_(user_);
}

Resolver::Entry* Resolver::find_or_make(const std::string& host) {
  const auto found = entries_.find(host);
  if (found != entries_.end()) return found->second.get();
  if (entries_.size() >= kMaxHosts && !make_room()) return nullptr;
  auto entry = std::make_unique<Entry>();
  entry->resolver = this;
  entry->request.data = entry.get();
  return entries_.emplace(host, std::move(entry)).first->second.get();
}

// Forgets the answer that is the oldest. False when every entry has a lookup running.
bool Resolver::make_room() {
  auto oldest = entries_.end();
  for (auto it = entries_.begin(); it != entries_.end(); ++it) {
    if (it->second->busy) continue;
    if (oldest == entries_.end() || it->second->expires < oldest->second->expires) oldest = it;
  }
  if (oldest == entries_.end()) return false;
  entries_.erase(oldest);
  return true;
}

void Resolver::on_lookup(uv_getaddrinfo_t* request, int status, addrinfo* list) {
  auto* entry = static_cast<Entry*>(request->data);
  entry->resolver->finish(entry, status, list);
  uv_freeaddrinfo(list);
}

void Resolver::finish(Entry* entry, int status, const addrinfo* list) {
  const Millis now = hooks_.now(loop_);
  entry->busy = false;
  --running_;
  const AddressList found = status == 0 ? interleave(list) : kNoAddresses;
  if (found.count != 0) {
    entry->addresses = found;
    entry->error = NetError::kNone;
    entry->expires = now + kFreshMs;
    entry->good_until = now + kStaleMs;
  } else {
    entry->error = now < entry->good_until ? NetError::kNone : NetError::kResolve;
    entry->expires = now + kFailedMs;
  }
  if (closed_) {
    if (running_ == 0) on_idle_(user_);
    return;
  }
  answer(entry);
}

// A waiter may ask again from inside its callback, or make room; the answer is copied for that.
void Resolver::answer(Entry* entry) {
  const NetError error = entry->error;
  const AddressList addresses = error == NetError::kNone ? entry->addresses : kNoAddresses;
  List<ResolveWaiter, &ResolveWaiter::node> waiters;
  while (ResolveWaiter* waiter = entry->waiters.pop_front()) waiters.push_back(waiter);
  while (ResolveWaiter* waiter = waiters.pop_front()) {
    waiter->on_resolved(waiter, error, addresses);
  }
}

}  // namespace weir
