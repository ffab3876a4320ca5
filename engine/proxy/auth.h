// From a request's credential fields to the Principal of a snapshot.
//
// A client's key is only ever compared as a SHA-256 digest; its text is not kept. Accepted:
// `Authorization: Bearer KEY`, `Authorization: Basic KEY` (IBM's Python SDK sends opaque keys so),
// and `api-key` / `x-api-key` as Azure's and Anthropic's clients send. Worker thread.
#pragma once

#include <string_view>

#include <weir/types.h>

#include "http/parser.h"
#include "route/snapshot.h"

namespace weir {

[[nodiscard]] KeyDigest key_digest(std::string_view key);

// Null: no credential, an unknown one, or an expired one; the three look the same to the client.
[[nodiscard]] const Principal* authenticate(const RequestHead& head, const Snapshot& snapshot,
                                            int64_t unix_s);

}  // namespace weir
