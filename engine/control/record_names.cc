#include "control/record_names.h"

#include "json/json_write.h"

namespace weir {

namespace {

void member_add(std::string_view key, std::string_view value, std::string* out) {
  *out += key;
  json_append_string(out, value);
}

}  // namespace

std::string_view target_name(const Registry& registry, uint32_t slot) {
  if (slot >= registry.targets().size()) return {};
  return registry.targets()[slot].id;
}

void RecordNames::fill(const LedgerRecord& record, const Registry& registry, Entry* entry) {
  *entry = {registry.names_version(), record.principal, record.route, record.series, {}};
  Names& names = entry->names;
  if (const auto* key = registry.key_name(record.principal)) {
    member_add(",\"key\":", key->name, &names.members);
    member_add(",\"key_id\":", key->id, &names.members);
    member_add(",\"tenant\":", key->tenant, &names.members);
  }
  if (record.route < registry.routes().size()) {
    member_add(",\"alias\":", registry.routes()[record.route].name, &names.members);
  }
  if (record.series >= registry.series().size()) return;
  names.target = registry.series()[record.series].target;
  names.target_quoted.clear();
  json_append_string(&names.target_quoted, target_name(registry, names.target));
  names.members += ",\"target\":";
  names.members += names.target_quoted;
}

}  // namespace weir
