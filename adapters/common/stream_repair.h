// transform_stream() of openai-compatible and its kin: cuts the stream into events, passes those
// without quirks as they came, writes the others anew.
//
// What it keeps between calls lies in the attempt's state and arena. A tail of at most
// kMaxEventBytes is held until its event is whole; a longer event ends the stream with an error.
// Worker thread.
#pragma once

#include <string_view>

#include <weir/adapter.h>

#include "adapters/common/quirks.h"

namespace weir {

constexpr size_t kMaxEventBytes = 8 * 1024 * 1024;

// Of Call::state this takes the first bytes; an adapter may keep its own behind them.
constexpr size_t kStreamRepairBytes = 192;

[[nodiscard]] Result<void> stream_repair(Call& call, const Quirks& quirks, StreamPhase phase,
                                         std::string_view in, SliceList* out, StreamFacts* facts);

}  // namespace weir
