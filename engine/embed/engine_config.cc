#include "embed/engine_config.h"

#include "adapters/common/openai_models.h"
#include "adapters/common/openai_request.h"
#include "adapters/registry.h"
#include "net/address.h"
#include "net/uv_net.h"

namespace weir {

ConfigOptions engine_config_options() {
  ConfigOptions options;
  options.adapters = adapter_registry();
  options.classify = host_classify;
  options.check_ca = tls_check_ca;
  options.features.listener_tls = true;
  options.features.rate_limits = true;
  options.features.strict_accounting = true;
  return options;
}

ControlOptions engine_control_options() {
  ControlOptions options;
  options.config = engine_config_options();
  options.default_prepare = openai_prepare;
  options.default_list_models = openai_list_models;
  return options;
}

}  // namespace weir
