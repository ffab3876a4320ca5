// What the enumerations of a record are called in the log and in metrics. Pure, any thread.
#pragma once

#include <cstddef>
#include <string_view>

#include "link/ledger_record.h"

namespace weir {

[[nodiscard]] std::string_view kind_name(RequestKind kind);
[[nodiscard]] std::string_view endpoint_name(Endpoint endpoint);
[[nodiscard]] std::string_view outcome_name(Outcome outcome);
[[nodiscard]] std::string_view error_name(Errc code);
[[nodiscard]] std::string_view fault_name(Fault fault);
[[nodiscard]] std::string_view stage_name(size_t stage);
[[nodiscard]] std::string_view usage_source_name(UsageSource source);

}  // namespace weir
