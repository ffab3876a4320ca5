// The sections of the file, from parsed tree to Config: field by field, no look across sections
// (that is config_check.h). Problems go to the context; reading always goes on to the end.
#pragma once

#include "control/config.h"
#include "control/config_reader.h"
#include "control/config_yaml.h"

namespace weir {

void config_read(ConfigContext& context, const ConfigNode& root, Config* out);

// Parts of it, in files of their own.
void provider_read(ConfigContext& context, const ConfigNode& node, std::string path,
                   ProviderConfig* out);
void model_read(ConfigContext& context, const ConfigNode& node, std::string path,
                ModelConfig* out);
void balancer_read(ConfigContext& context, const ConfigNode& node, std::string path,
                   BalancerConfig* out);
void rate_limit_read(ConfigContext& context, const ConfigNode& node, std::string path,
                     RateLimitConfig* out);
void key_read(ConfigContext& context, const ConfigNode& node, std::string path, KeyConfig* out);
void policy_read(ConfigContext& context, const ConfigNode& node, std::string path,
                 PolicyConfig* out);

}  // namespace weir
