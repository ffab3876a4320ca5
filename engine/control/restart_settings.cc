#include "control/restart_settings.h"

#include "control/digest.h"
#include "control/name_key.h"

namespace weir {

namespace {

std::string listen_text(const Config& config) {
  std::string out;
  for (const ListenConfig& listen : config.listen) {
    out += name_key({listen.address, listen.tls ? "tls" : "", listen.certificate_file,
                     listen.key_file});
  }
  return out;
}

std::string secret_text(const Secret& secret) {
  const KeyDigest digest = sha256_digest(secret.reveal());
  return {reinterpret_cast<const char*>(digest.data()), digest.size()};
}

}  // namespace

RestartSettings::RestartSettings(const Config& config)
    : values_({{"listen", listen_text(config)},
               {"workers", std::to_string(config.workers)},
               {"pin_cpus", std::to_string(static_cast<int>(config.pin_cpus))},
               {"data_dir", config.data_dir},
               {"admin_key", secret_text(config.admin_key)},
               {"sealing_key", secret_text(config.sealing_key)},
               {"previous_sealing_key", secret_text(config.previous_sealing_key)}}) {}

std::string RestartSettings::changed(const RestartSettings& now) const {
  std::string out;
  for (size_t i = 0; i < values_.size(); ++i) {
    if (values_[i].second == now.values_[i].second) continue;
    out.append(out.empty() ? "" : ", ").append(values_[i].first);
  }
  return out;
}

}  // namespace weir
