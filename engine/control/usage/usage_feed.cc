#include "control/usage/usage_feed.h"

namespace weir {

UsageNumbers usage_numbers_of(const LedgerRecord& record, const Registry& registry) {
  UsageNumbers numbers;
  // When it ended: a minute that is over gets no more numbers.
  numbers.unix_s = (record.started_unix_ms + record.total_us / 1000) / 1000;
  numbers.outcome = record.outcome;
  numbers.attempts = record.attempt_count;
  numbers.usage = record.usage;
  if (record.series >= registry.series().size()) return numbers;
  if (record.usage.source == UsageSource::kNone) return numbers;
  const Registry::SeriesName& series = registry.series()[record.series];
  if (series.price) numbers.cost_nano = cost_of(*series.price, record.usage);
  return numbers;
}

UsageRow usage_row_of(const LedgerRecord& record, const Registry& registry) {
  UsageRow row;
  static_cast<UsageNumbers&>(row) = usage_numbers_of(record, registry);
  row.type = record.endpoint == Endpoint::kEmbeddings ? UsageType::kEmbedding
                                                      : UsageType::kCompletion;
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
