// Reads a model list in OpenAI's form. Control thread; pure.
#pragma once

#include <span>
#include <string_view>

#include <weir/adapter.h>

namespace weir {

// list_models() of a table that leaves it null: `{"data":[{"id",...}]}`, or the bare array that
// some servers send. Entries without an id are left out; names beyond `out` too. What is written to
// `out` lives in the arena.
[[nodiscard]] Result<size_t> openai_list_models(std::string_view body, Arena& arena,
                                                std::span<ModelName> out,
                                                std::string_view* cursor);

}  // namespace weir
