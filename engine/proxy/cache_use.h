// A request that asked for the reply cache: its key, the look-up, and the keeping of its answer.
//
// The key is a digest of everything that the answer depends on: tenant, environment, endpoint, what
// the caller may use (policies and the key's own models), the fields that adapters read, and the
// body without its `cache` member, byte for byte. A kept answer is used only while the target that
// gave it is one of those that would be asked now. Worker thread.
#pragma once

#include <weir/types.h>

#include "link/reply_cache.h"
#include "proxy/router_ask.h"

namespace weir {

struct Exchange;

struct CacheUse {
  CacheKey key{};
  const CachedReply* found = nullptr;  // held until the request is over
};

// The route is chosen. Does nothing for streams and where the cache is off.
void cache_begin(Exchange* ex, const CacheAsk& ask);
// True: the answer is on its way.
[[nodiscard]] bool cache_answer(Exchange* ex);
// A whole 200 answer of ex->target, as it goes to the client.
void cache_keep(Exchange* ex, const SliceList& body);
void cache_release(Exchange* ex);

}  // namespace weir
