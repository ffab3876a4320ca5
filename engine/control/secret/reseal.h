// Seals with the present key what the previous one sealed, so that a start with both is enough to
// change the key. In one transaction. Control thread, or main before it starts.
#pragma once

#include <string>
#include <string_view>

#include "control/secret/sealer.h"
#include "control/store/sqlite.h"

namespace weir {

// `select` gives an id and a sealed value in each row; `update` takes them as ?1 and ?2. `owner`
// says what a value was sealed for, by its id.
[[nodiscard]] Sqlited<void> rows_reseal(Sqlite* database, const Sealer& sealer,
                                        std::string_view select, std::string_view update,
                                        std::string (*owner)(std::string_view id));

}  // namespace weir
