// Goal: a record is called by the names its slots have now, also after a slot was given to another
// owner, and its usage goes where a row with all names would go.
#include "control/record_names.h"

#include <gtest/gtest.h>

#include <cstring>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "control/usage/usage_feed.h"

namespace weir {
namespace {

TEST(RecordNames, AreThoseOfTheSlotsAtTheTime) {
  Registry registry;
  RecordNames names;
  LedgerRecord record;
  constexpr std::string_view kBefore = R"(,"kind":"unknown","method":"")";
  constexpr std::string_view kBehind = R"(,"status":0,"outcome":"refused","stream":false)";
  const auto between = [&](std::string_view members) {
    EXPECT_TRUE(members.starts_with(kBefore)) << members;
    EXPECT_TRUE(members.ends_with(kBehind)) << members;
    members.remove_prefix(kBefore.size());
    return std::string(members.substr(0, members.size() - kBehind.size()));
  };
  EXPECT_EQ(between(names.of(record, registry).members()), "");

  std::optional<SlotLeases> leases(&registry);
  record.principal = registry.pin_take({"id-1", "first", "t"}, &*leases);
  record.route = registry.route_slot("t", "production", "m\"", 0, &*leases);
  const uint32_t target = registry.target_slot("t", "cloud", "m", &*leases);
  record.series = registry.series_slot(record.route, target, &*leases);
  const RecordNames::Names& known = names.of(record, registry);
  EXPECT_EQ(between(known.members()),
            R"(,"key":"first","key_id":"id-1","tenant":"t","alias":"m\"","target":"t:cloud/m")");
  EXPECT_EQ(known.target, target);

  // The pin is free with its leases, and the next owner gets it.
  const uint32_t pin = record.principal;
  leases.emplace(&registry);
  EXPECT_FALSE(names.of(record, registry).text.contains("first"));
  EXPECT_EQ(registry.pin_take({"id-2", "second", "u"}, &*leases), pin);
  EXPECT_TRUE(names.of(record, registry).text.contains(R"(,"key":"second","key_id":"id-2")"));
}

// Each trait for itself, so that no record is given the text of one that differs in it alone.
TEST(RecordNames, TellWhatTheTraitsAre) {
  const Registry registry;
  RecordNames names;
  LedgerRecord record;
  record.kind = RequestKind::kInference;
  const auto members = [&] { return std::string(names.of(record, registry).members()); };
  EXPECT_EQ(members(), R"(,"kind":"inference","method":"","endpoint":"chat/completions")"
                       R"(,"status":0,"outcome":"refused","stream":false)");
  record.method_len = 4;
  std::memcpy(record.method, "P\\ST", 4);
  EXPECT_TRUE(members().contains(R"("method":"P\\ST")"));
  record.method[0] = 'p';
  EXPECT_TRUE(members().contains(R"("method":"p\\ST")"));
  record.endpoint = Endpoint::kEmbeddings;
  EXPECT_TRUE(members().contains(R"("endpoint":"embeddings")"));
  record.outcome = Outcome::kFailed;
  EXPECT_TRUE(members().contains(R"("outcome":"failed","stream":false)"));
  record.has_error = true;
  record.error = Errc::kUpstreamTimeout;
  EXPECT_TRUE(members().contains(R"("error":"upstream_timeout","stream":false)"));
  record.error = Errc::kOverloaded;
  EXPECT_TRUE(members().contains(R"("error":"overloaded")"));
  record.stream = true;
  EXPECT_TRUE(members().ends_with(R"("stream":true)"));
  record.attempt_count = 3;
  EXPECT_TRUE(members().ends_with(R"("stream":true,"attempt_count":3)"));
  record.status = 503;
  EXPECT_TRUE(members().contains(R"("status":503,"outcome":"failed")"));
  record.kind = RequestKind::kHealth;
  EXPECT_TRUE(members().starts_with(R"(,"kind":"health")"));
  EXPECT_FALSE(members().contains("endpoint"));
}

TEST(RecordNames, TellTheUsualAttempt) {
  Registry registry;
  SlotLeases leases(&registry);
  RecordNames names;
  LedgerRecord record;
  const uint32_t target = registry.target_slot("t", "cloud", "m", &leases);
  record.route = registry.route_slot("t", "production", "m", 0, &leases);
  record.series = registry.series_slot(record.route, target, &leases);
  record.attempt_count = 1;
  record.status = 200;
  const RecordNames::Names& known = names.of(record, registry);
  EXPECT_EQ(known.members_and_usual_attempt(),
            std::string(known.members()) +
                R"(,"attempts":[{"target":"t:cloud/m","status":200,"fault":"none","us":)");
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
    EXPECT_TRUE(names.of(record, registry).text.contains(
        ",\"key\":\"" + name + "\",\"key_id\":\"" + name + "\",\"tenant\":\"t\","));
  }
  LedgerRecord first;
  first.principal = 0;
  EXPECT_TRUE(names.of(first, registry).text.contains(",\"key\":\"key0\""));
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
