// Durations and sizes as they are written in the configuration and the management API.
//
// Durations are Go's: decimal numbers with units, largest first by habit but in any order
// ("250ms", "1h30m", "1.5h"), units ns us µs ms s m h, and d for days; "0" needs no unit.
// Sizes are whole bytes, or a whole number with KiB, MiB or GiB. Pure functions; any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace weir {

// Nanoseconds; nothing when the text is no duration, is negative, or exceeds 100 years.
[[nodiscard]] std::optional<int64_t> duration_parse_ns(std::string_view text);
// Bytes; nothing when the text is no size or exceeds 2^62.
[[nodiscard]] std::optional<uint64_t> size_parse(std::string_view text);
// The shortest common spelling: "600s" stays "600s", 250 is "250ms".
[[nodiscard]] std::string duration_format_ms(uint64_t ms);
// Exact, in the largest unit up to hours that is: "1h", "90s", "1500ms".
[[nodiscard]] std::string duration_format_ns(int64_t ns);
[[nodiscard]] std::string size_format(uint64_t bytes);

}  // namespace weir
