// Adapter::next: one kSend of a Messages request made from a chat request. Worker thread.
#pragma once

#include <weir/adapter.h>

namespace weir {

[[nodiscard]] Result<void> anthropic_next(Call& call, Step* step);

}  // namespace weir
