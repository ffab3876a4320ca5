#include "control/usage/usage_feed.h"

namespace weir {

UsagePrices::UsagePrices(const Config& config) {
  for (const ModelConfig& model : config.models) {
    const auto price = price_of(model.metadata);
    if (!price || !*price) continue;  // an error was reported when the file was checked
    prices_.try_emplace({model.tenant, model.provider, model.id, model.alias}, **price);
    prices_.try_emplace({model.tenant, model.provider, model.id, ""}, **price);
  }
}

const Price* UsagePrices::find(uint32_t series, const Registry& registry) {
  if (prices_.empty()) return nullptr;
  if (series >= known_.size()) known_.resize(registry.series().size());
  std::optional<const Price*>& known = known_[series];
  if (!known) known = search(registry.series()[series], registry);
  return *known;
}

const Price* UsagePrices::search(const Registry::SeriesName& series,
                                 const Registry& registry) const {
  const Registry::TargetName& target = registry.targets()[series.target];
  for (const std::string& name : {series.alias, std::string()}) {
    const auto found = prices_.find({target.tenant, target.provider, target.model, name});
    if (found != prices_.end()) return &found->second;
  }
  return nullptr;
}

UsageRow usage_row_of(const LedgerRecord& record, const Registry& registry,
                      UsagePrices* prices) {
  UsageRow row;
  // When it ended: a minute that is over gets no more numbers.
  row.unix_s = (record.started_unix_ms + record.total_us / 1000) / 1000;
  row.type = record.endpoint == Endpoint::kEmbeddings ? UsageType::kEmbedding
                                                      : UsageType::kCompletion;
  row.outcome = record.outcome;
  row.attempts = record.attempt_count;
  row.usage = record.usage;
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
  const uint32_t slot = registry.series()[record.series].target;
  const Registry::TargetName& target = registry.targets()[slot];
  row.provider = target.provider;
  row.model = target.model;
  row.target = target.id;
  if (row.usage.source == UsageSource::kNone) return row;
  if (const Price* price = prices->find(record.series, registry)) {
    row.cost_nano = cost_of(*price, record.usage);
  }
  return row;
}

}  // namespace weir
