// Which room a request path belongs to. Matched byte for byte on the raw path: no decoding, no
// folding, case-sensitive. Both prefixes (`/v1` and `/ml/gateway/v1`) lead to the same places.
// Authentication and routing look at the same string. Pure; any thread.
#pragma once

#include <string_view>

#include <weir/types.h>

#include "http/parser.h"
#include "link/ledger_record.h"

namespace weir {

enum class Place : uint8_t {
  kInference,   // POST chat/completions, completions, embeddings
  kModels,      // GET models
  kModel,       // GET models/{id}; `rest` is the id as sent
  kHealth,      // GET /healthz, public
  kReady,       // GET /readyz, public
  kManagement,  // everything else: the control thread knows what exists
};

struct RouteMatch {
  Place place = Place::kManagement;
  Endpoint endpoint = Endpoint::kChat;
  std::string_view rest;
  std::string_view allow;  // not empty: the path exists, the method does not (405)
  bool open = false;       // kManagement: the control thread serves this path without a key
  [[nodiscard]] bool is_public() const {
    return place == Place::kHealth || place == Place::kReady || open;
  }
};

[[nodiscard]] RouteMatch route_match(Method method, std::string_view path);

}  // namespace weir
