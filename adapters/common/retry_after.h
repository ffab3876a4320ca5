// How long a provider asks to be left alone: `retry-after-ms`, or `Retry-After` as seconds or as
// one of the three date forms of RFC 9110 section 5.6.7. Pure; any thread.
#pragma once

#include <cstdint>
#include <string_view>

#include <weir/adapter.h>

namespace weir {

constexpr int64_t kMaxRetryAfterMs = 24LL * 3600 * 1000;

// Milliseconds from `now_unix_ms` on, at least 0 and at most kMaxRetryAfterMs; -1 when the reply
// says nothing that can be read.
[[nodiscard]] int64_t retry_after_read(const Reply& reply, int64_t now_unix_ms);

// Seconds since 1970 of an HTTP date; -1 when it is none.
[[nodiscard]] int64_t http_date_read(std::string_view text);

}  // namespace weir
