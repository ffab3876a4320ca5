// The stable ids of the objects in a configuration file: version 5, of what names an object, so
// that the same file always gives the same ids, on every machine.
//
// Control thread, or main before it starts; config_load() leaves the ids empty.
#pragma once

#include "control/config.h"

namespace weir {

// Gives every object without an id its own, over "type/tenant/name". Names that make one text, as
// the models "a/b" under alias "c" and "a" under "b/c", still get different ids.
void object_ids_fill(Config* config);
// Of a tenant, wherever it was made.
[[nodiscard]] std::string tenant_uuid(std::string_view name);

}  // namespace weir
