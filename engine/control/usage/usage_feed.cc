#include "control/usage/usage_feed.h"

namespace weir {

UsageRow usage_numbers_of(const LedgerRecord& record, const Registry& registry) {
  UsageRow row;
  // When it ended: a minute that is over gets no more numbers.
  row.unix_s = (record.started_unix_ms + record.total_us / 1000) / 1000;
  row.type = record.endpoint == Endpoint::kEmbeddings ? UsageType::kEmbedding
                                                      : UsageType::kCompletion;
  row.outcome = record.outcome;
  row.attempts = record.attempt_count;
  row.usage = record.usage;
  if (record.series >= registry.series().size()) return row;
  if (row.usage.source == UsageSource::kNone) return row;
  const Registry::SeriesName& series = registry.series()[record.series];
  if (series.price) row.cost_nano = cost_of(*series.price, record.usage);
  return row;
}

UsageRow usage_row_of(const LedgerRecord& record, const Registry& registry) {
  UsageRow row = usage_numbers_of(record, registry);
  if (record.route < registry.routes().size()) {
    row.tenant = registry.routes()[record.route].tenant;
    row.alias = registry.routes()[record.route].name;
  }
  if (const auto* key = registry.key_name(record.principal)) {
    row.tenant = key->tenant;
    row.key_id = key->id;
    row.key_name = key->name;
  }
  if (record.series >= registry.series().size()) return row;
  const Registry::SeriesName& series = registry.series()[record.series];
  const Registry::TargetName& target = registry.targets()[series.target];
  row.provider = target.provider;
  row.model = target.model;
  row.target = target.id;
  return row;
}

}  // namespace weir
