// From the workers' records to the rows of the usage store: names and prices of what slots mean.
//
// Built anew for each configuration; reads the registry and never makes a slot. Control thread.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "control/config_price.h"
#include "control/registry.h"
#include "control/usage/usage_store.h"

namespace weir {

class UsagePrices {
 public:
  UsagePrices() = default;
  explicit UsagePrices(const Config& config);
  // The price of a target under an alias: of the model with that alias, else of another model with
  // the same provider and id. Null: no price is known.
  [[nodiscard]] const Price* find(uint32_t series, const Registry& registry);

 private:
  [[nodiscard]] const Price* search(const Registry::SeriesName& series,
                                    const Registry& registry) const;

  // By tenant, provider, id and alias; the empty alias holds the first model with a price.
  std::map<std::tuple<std::string, std::string, std::string, std::string>, Price> prices_;
  std::vector<std::optional<const Price*>> known_;  // by series, once it was searched
};

// The row of a record of kind inference; its names live in the registry.
[[nodiscard]] UsageRow usage_row_of(const LedgerRecord& record, const Registry& registry,
                                    UsagePrices* prices);

}  // namespace weir
