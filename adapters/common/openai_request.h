// The common OpenAI request: prepare() and next() of a table that leaves them null.
//
// openai_prepare() runs on the control thread when a snapshot is built; the rest on the worker.
// A body is never rebuilt: it is the client's bytes with the closed list of edits
// (docs/adapters.md).
#pragma once

#include <string>

#include <weir/adapter.h>

#include "adapters/common/body_edits.h"
#include "json/edits.h"

namespace weir {

// "/chat/completions", "/completions" or "/embeddings".
[[nodiscard]] std::string_view openai_path(Endpoint endpoint);

// Writes the request line and the fields, each ended by CRLF. kConfig when a part of the provider
// holds bytes that may not stand in a head, or a header that is not the user's to set.
[[nodiscard]] Result<void> openai_prepare(const PrepareInput& input, std::string* head);

// One kSend of the target's prepared head and the edited body.
[[nodiscard]] Result<void> openai_next(Call& call, Step* step);

// The two halves of openai_next(), for adapters that add edits of their own in between.
// The first adds at most two replacements, three removals and one insertion; `stream_options` false
// is for servers that refuse that member.
[[nodiscard]] Result<void> openai_common_edits(Call& call, EditList* edits,
                                               bool stream_options = true);
[[nodiscard]] Result<void> openai_send(Call& call, const EditList& edits, Step* step);
[[nodiscard]] Result<void> openai_common_edits(Call& call, BodyEdits* edits,
                                               bool stream_options = true);
[[nodiscard]] Result<void> openai_send(Call& call, const BodyEdits& edits, Step* step);

// The error for a list that is full; it cannot happen with the edits that exist today.
[[nodiscard]] std::unexpected<Error> too_many_edits();

}  // namespace weir
