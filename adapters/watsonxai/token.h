// The exchange of a watsonx.ai credential for a short-lived token: IBM Cloud's IAM, which takes a
// form, and an installation on premises, which takes a user's name and key as JSON.
//
// Pure functions of the control thread, which sends the request and keeps the token. No error says
// anything that came from the credential or the answer: all messages are static.
#pragma once

#include <string_view>

#include <weir/adapter.h>

namespace weir::watsonx {

[[nodiscard]] Result<void> token_request(const Provider& provider, TokenRequest* out);
// The life of a token counts from `unix_ms`, because the clock of the one who gave it may differ.
[[nodiscard]] Result<void> token_reply(int status, std::string_view body, int64_t unix_ms,
                                       Token* out);

}  // namespace weir::watsonx
