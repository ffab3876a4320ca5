#include "control/restart_settings.h"

#include "base/check.h"
#include "control/name_key.h"

namespace weir {

namespace {

Secret listen_text(const Config& file) {
  std::string out;
  for (const ListenConfig& listen : file.listen) {
    out += name_key({listen.address, listen.tls ? "tls" : "", listen.certificate_file,
                     listen.key_file}) +
           "\n";
  }
  return Secret(out);
}

}  // namespace

RestartSettings::RestartSettings(const Config& file)
    : values_({{"listen", listen_text(file)},
               {"workers", Secret(std::to_string(file.workers))},
               {"pin_cpus", Secret(file.pin_cpus ? "true" : "false")},
               {"data_dir", Secret(file.data_dir)},
               {"admin_key", file.admin_key},
               {"sealing_key", file.sealing_key},
               {"previous_sealing_key", file.previous_sealing_key}}) {}

std::string RestartSettings::changed(const RestartSettings& now) const {
  WEIR_CHECK(values_.size() == now.values_.size());
  std::string out;
  for (size_t i = 0; i < values_.size(); ++i) {
    if (values_[i].second.reveal() == now.values_[i].second.reveal()) continue;
    out.append(out.empty() ? "" : ", ").append(values_[i].first);
  }
  return out;
}

}  // namespace weir
