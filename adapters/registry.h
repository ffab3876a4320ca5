// The array of all provider tables of this build. The only place that names every adapter.
//
// Tables are constants and live for ever. Any thread.
#pragma once

#include <span>
#include <string_view>

#include <weir/adapter.h>

namespace weir {

[[nodiscard]] std::span<const Adapter* const> adapter_registry();

// The table of a provider `type` as written in the configuration; null when this build has none.
[[nodiscard]] const Adapter* adapter_find(std::string_view type);

}  // namespace weir
