#include "control/record_names.h"

#include <algorithm>

#include "control/line_text.h"
#include "control/record_words.h"
#include "json/json_write.h"

namespace weir {

namespace {

void member_add(std::string_view key, std::string_view value, std::string* out) {
  *out += key;
  json_append_string(out, value);
}

void member_add(std::string_view key, uint64_t value, std::string* out) {
  *out += key;
  append_number(out, static_cast<int64_t>(value));
}

// What was asked for.
void request_add(const LedgerRecord& record, std::string* out) {
  member_add(",\"kind\":", kind_name(record.kind), out);
  const size_t method = std::min<size_t>(record.method_len, sizeof record.method);
  member_add(",\"method\":", std::string_view(record.method, method), out);
  if (record.kind != RequestKind::kInference) return;
  member_add(",\"endpoint\":", endpoint_name(record.endpoint), out);
}

// Who asked, and who was asked.
void names_add(const LedgerRecord& record, const Registry& registry, RecordNames::Names* names) {
  std::string* out = &names->text;
  if (const auto* key = registry.key_name(record.principal)) {
    member_add(",\"key\":", key->name, out);
    member_add(",\"key_id\":", key->id, out);
    member_add(",\"tenant\":", key->tenant, out);
  }
  if (record.route < registry.routes().size()) {
    member_add(",\"alias\":", registry.routes()[record.route].name, out);
  }
  if (record.series >= registry.series().size()) return;
  names->target = registry.series()[record.series].target;
  member_add(",\"target\":", target_name(registry, names->target), out);
}

// How it ended.
void end_add(const LedgerRecord& record, std::string* out) {
  member_add(",\"status\":", record.status, out);
  member_add(",\"outcome\":", outcome_name(record.outcome), out);
  if (record.has_error) member_add(",\"error\":", error_name(record.error), out);
  *out += record.stream ? ",\"stream\":true" : ",\"stream\":false";
  if (record.attempt_count != 0) member_add(",\"attempt_count\":", record.attempt_count, out);
}

}  // namespace

std::string_view target_name(const Registry& registry, uint32_t slot) {
  if (slot >= registry.targets().size()) return {};
  return registry.targets()[slot].id;
}

void RecordNames::fill(const LedgerRecord& record, const Registry& registry, Entry* entry) {
  *entry = {registry.names_version(), record_traits(record), {}};
  Names& names = entry->names;
  request_add(record, &names.text);
  names_add(record, registry, &names);
  end_add(record, &names.text);
  names.members_size = names.text.size();
  member_add(",\"attempts\":[{\"target\":", target_name(registry, names.target), &names.text);
  member_add(",\"status\":", record.status, &names.text);
  member_add(",\"fault\":", fault_name(Fault::kNone), &names.text);
  names.text += ",\"us\":";
  names.size = names.text.size();
  names.text.append(kLineSlack, '\0');
}

}  // namespace weir
