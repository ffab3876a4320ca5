// A model as GET /v1/models and the management API show it. Control thread; pure.
#pragma once

#include <string>
#include <string_view>

#include "control/config.h"
#include "route/route.h"

namespace weir {

// The name that clients call the model by: its alias, else the provider's own name.
[[nodiscard]] const std::string& model_name(const ModelConfig& model);

// The JSON object without its closing brace, so that more can follow.
[[nodiscard]] std::string model_members(const ModelConfig& model, std::string_view provider_type,
                                        std::string_view provider_uuid);

// The entry of the route that the model goes by. `target` is the model's place among its targets.
[[nodiscard]] ListedModel model_listing(const ModelConfig& model, std::string_view provider_type,
                                        std::string_view provider_uuid, uint32_t target);

}  // namespace weir
