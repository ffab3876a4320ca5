// Whole replies of watsonx.ai in OpenAI's form: chat, text generation and embeddings. Worker
// thread; pure.
#pragma once

#include <string_view>

#include <weir/adapter.h>

namespace weir::watsonx {

// OpenAI's word for why a text ended; empty for none, `error` for a generation that failed.
[[nodiscard]] std::string_view reason_word(std::string_view sent);
// True when a list `system.warnings` says that input or output was blocked.
[[nodiscard]] bool is_blocked(std::string_view system);

[[nodiscard]] Result<void> chat_reply(Call& call, const Reply& in, SliceList* out,
                                      StreamFacts* facts);
// These two read all of Call::parts when the request went out in parts.
[[nodiscard]] Result<void> generation_reply(Call& call, const Reply& in, SliceList* out,
                                            StreamFacts* facts);
[[nodiscard]] Result<void> embeddings_reply(Call& call, const Reply& in, SliceList* out,
                                            StreamFacts* facts);

}  // namespace weir::watsonx
