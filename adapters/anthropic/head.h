// Request heads of Anthropic's API: paths, the key's field and the version. Control thread.
#pragma once

#include <string>
#include <string_view>

#include <weir/adapter.h>

namespace weir {

// Adapter::prepare.
[[nodiscard]] Result<void> anthropic_prepare(const PrepareInput& input, std::string* head);
// Adapter::list_request; pages by the id behind which to go on.
[[nodiscard]] Result<void> anthropic_list_request(const ListInput& input, ListRequest* out);
// Adapter::list_models.
[[nodiscard]] Result<size_t> anthropic_list_models(std::string_view body, Arena& arena,
                                                   std::span<ModelName> out,
                                                   std::string_view* cursor);

}  // namespace weir
