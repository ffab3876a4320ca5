// Heads of requests to Bedrock: what does not change is written when the configuration is loaded,
// and signed anew for each request, because a signature is good for minutes only. A Bedrock API key
// (`apikey`) goes as a bearer token, and nothing is signed then.
//
// bedrock_send() runs on the worker thread, the others on the control thread.
#pragma once

#include <string>
#include <string_view>

#include <weir/adapter.h>

namespace weir {

[[nodiscard]] Result<void> bedrock_prepare(const PrepareInput& input, std::string* head);

// One kSend of the target's prepared head and `body`, which lives in the attempt's arena.
[[nodiscard]] Result<void> bedrock_send(Call& call, std::string_view body, Step* step);

// Models first, then the profiles through which most of them are called, page by page.
[[nodiscard]] Result<void> bedrock_list_request(const ListInput& input, ListRequest* out);
[[nodiscard]] Result<size_t> bedrock_list_models(std::string_view body, Arena& arena,
                                                 std::span<ModelName> out,
                                                 std::string_view* cursor);

// Where models are listed: another host, unless the provider has an address of its own.
[[nodiscard]] std::string bedrock_second_url(const Provider& provider);

}  // namespace weir
