// Goal: a record is called by the names its slots have now, also after a slot was given to another
// owner, and its usage goes where a row with all names would go.
#include "control/record_names.h"

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "control/usage/usage_feed.h"

namespace weir {
namespace {

TEST(RecordNames, AreThoseOfTheSlotsAtTheTime) {
  Registry registry;
  RecordNames names;
  LedgerRecord record;
  EXPECT_EQ(names.of(record, registry).members, "");
  EXPECT_EQ(names.of(record, registry).target_quoted, "\"\"");

  std::optional<SlotLeases> leases(&registry);
  record.principal = registry.pin_take({"id-1", "first", "t"}, &*leases);
  record.route = registry.route_slot("t", "production", "m\"", 0, &*leases);
  const uint32_t target = registry.target_slot("t", "cloud", "m", &*leases);
  record.series = registry.series_slot(record.route, target, &*leases);
  const RecordNames::Names& known = names.of(record, registry);
  EXPECT_EQ(known.members,
            R"(,"key":"first","key_id":"id-1","tenant":"t","alias":"m\"","target":"t:cloud/m")");
  EXPECT_EQ(known.target, target);
  EXPECT_EQ(known.target_quoted, R"("t:cloud/m")");

  // The pin is free with its leases, and the next owner gets it.
  const uint32_t pin = record.principal;
  leases.emplace(&registry);
  EXPECT_EQ(names.of(record, registry).members.find("first"), std::string::npos);
  EXPECT_EQ(registry.pin_take({"id-2", "second", "u"}, &*leases), pin);
  EXPECT_TRUE(names.of(record, registry).members.starts_with(R"(,"key":"second","key_id":"id-2")"));
}

TEST(RecordNames, AnotherKeyOnTheSamePlaceIsNotTakenForThisOne) {
  Registry registry;
  SlotLeases leases(&registry);
  RecordNames names;
  std::vector<std::unique_ptr<SlotLeases>> keys;
  // More than there are places.
  for (int i = 0; i < 600; ++i) {
    keys.push_back(std::make_unique<SlotLeases>(&registry));
    const std::string name = "key" + std::to_string(i);
    LedgerRecord record;
    record.principal = registry.pin_take({name, name, "t"}, keys.back().get());
    EXPECT_EQ(names.of(record, registry).members,
              ",\"key\":\"" + name + "\",\"key_id\":\"" + name + "\",\"tenant\":\"t\"");
  }
  LedgerRecord first;
  first.principal = 0;
  EXPECT_TRUE(names.of(first, registry).members.starts_with(",\"key\":\"key0\""));
}

TEST(UsagePlaces, AddWhatTheNamesWouldAdd) {
  auto store = std::move(*UsageStore::open(""));
  UsageRow row;
  row.unix_s = 1'700'000'000;
  row.tenant = "t";
  row.alias = "m";
  row.outcome = Outcome::kCompleted;
  row.usage = {.prompt_tokens = 5, .source = UsageSource::kProvider};
  EXPECT_FALSE(store->add_at({}, row));
  const UsagePlace place = store->add(row);
  EXPECT_TRUE(store->add_at(place, row));
  UsageRow later = row;
  later.unix_s += 3600;
  EXPECT_TRUE(store->add_at(place, later));
  EXPECT_EQ(store->waiting(), 2u);
  ASSERT_TRUE(store->flush());
  // The series is kept over a flush.
  EXPECT_TRUE(store->add_at(place, row));
  const auto totals = store->totals();
  ASSERT_TRUE(totals);
  EXPECT_EQ((*totals)[UsageField::kCompleted], 4);
  EXPECT_EQ((*totals)[UsageField::kPrompt], 20);
}

TEST(UsagePlaces, AreForgottenWithTheSeries) {
  auto store = std::move(*UsageStore::open(""));
  UsageRow row;
  row.outcome = Outcome::kCompleted;
  const UsagePlace place = store->add(row);
  for (size_t i = 0; i <= UsageStore::kMaxSeries; ++i) {
    const std::string name = std::to_string(i);
    row.alias = name;
    store->add(row);
  }
  ASSERT_TRUE(store->flush());
  EXPECT_FALSE(store->add_at(place, row));
}

}  // namespace
}  // namespace weir
