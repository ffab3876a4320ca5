// The list of models of watsonx.ai: what to ask, and how to read a page. Control thread; pure.
#pragma once

#include <span>
#include <string_view>

#include <weir/adapter.h>

namespace weir::watsonx {

[[nodiscard]] Result<void> list_request(const ListInput& input, ListRequest* out);
// Models that only rank, tokenize or forecast are left out: no endpoint serves them.
[[nodiscard]] Result<size_t> list_models(std::string_view body, Arena& arena,
                                         std::span<ModelName> out, std::string_view* cursor);

}  // namespace weir::watsonx
