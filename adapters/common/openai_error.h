// The common reading of a failed reply: whose fault it is and what the client may see of it.
//
// The whole table is in docs/failures.md. An empty type or code means: by Errc, which is decided
// where wire errors are made. No message ever holds the provider's credential or a text that looks
// like a key, since providers like to echo a part of what they refused. Worker thread; pure.
#pragma once

#include <string_view>

#include <weir/adapter.h>

namespace weir {

// map_error() of a table that leaves it null. A status of 200 to 299 stands for an error body in a
// good reply: its own status counts, else 502. `in.body` is padded for the scanner.
void openai_map_error(Call& call, const Reply& in, UpstreamError* out);

// The same for an error that came as an event of a stream: `event` is one raw event (with its
// `data:`), of any memory; it is copied with padding.
void openai_map_stream_error(Call& call, std::string_view event, UpstreamError* out);

// What of `text` may be shown: printable, at most `max_bytes`, the credential and anything like a
// key replaced. In the arena.
[[nodiscard]] std::string_view message_clean(std::string_view text, std::string_view credential,
                                             size_t max_bytes, Arena& arena);

}  // namespace weir
