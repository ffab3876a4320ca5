// Goal: the usage routes answer what was asked, to those who may ask, a page at a time.
#include "control/usage/usage_api.h"

#include <gtest/gtest.h>

#include "control/usage/usage_query.h"

namespace weir {

namespace {

constexpr int64_t kDay = 86'400, kToday = 20'000 * kDay, kNow = kToday + 43'230;

class UsageApiTest : public testing::Test {
 public:
  void SetUp() override {
    auto made = UsageStore::open("");
    ASSERT_TRUE(made) << made.error();
    store_ = std::move(*made);
  }

  void add(std::string_view alias, int64_t unix_s, std::string_view key = "k1",
           std::string_view tenant = "default", UsageType type = UsageType::kCompletion) {
    UsageRow row;
    row.unix_s = unix_s;
    row.tenant = tenant;
    row.key_id = key;
    row.key_name = key == "k1" ? "app" : "other";
    row.provider = "p";
    const std::string model = "m-" + std::string(alias);
    row.model = model;
    row.alias = alias;
    row.target = "p/m";
    row.type = type;
    row.outcome = Outcome::kCompleted;
    row.attempts = 1;
    row.usage = {100, 20, 120, 30, 5, UsageSource::kProvider};
    row.cost_nano = 1'500'000;
    store_->add(row);
  }

  ManagementCall ask(std::string query, const char* path = "/v1/usage") {
    ManagementCall call;
    call.method = "GET";
    call.path = path;
    call.query = std::move(query);
    call.key_id = "k1";
    call.tenant = tenant_;
    usage_answer(*store_, call, call.path.ends_with("/user"), kNow);
    return call;
  }
  std::string answer(std::string query, const char* path = "/v1/usage") {
    const ManagementCall call = ask(std::move(query), path);
    EXPECT_FALSE(call.has_error) << call.error_message;
    EXPECT_EQ(call.status, 200);
    return call.reply;
  }
  std::string refused(std::string query) {
    const ManagementCall call = ask(std::move(query));
    EXPECT_TRUE(call.has_error) << call.reply;
    EXPECT_EQ(call.error, Errc::kInvalidField);
    EXPECT_NE(call.error_message.find(call.error_param), std::string::npos);
    return call.error_param;
  }
  static size_t count(std::string_view text, std::string_view word) {
    size_t found = 0;
    for (size_t at = text.find(word); at != std::string_view::npos; at = text.find(word, at + 1)) {
      ++found;
    }
    return found;
  }
  static std::string next_page(const std::string& reply) {
    constexpr std::string_view kName = "\"next_page\":\"";
    const size_t at = reply.find(kName);
    if (at == std::string::npos) return {};
    const size_t from = at + kName.size();
    return reply.substr(from, reply.find('"', from) - from);
  }

  std::unique_ptr<UsageStore> store_;
  std::string tenant_ = "default";
};

TEST_F(UsageApiTest, AnswersWithEverythingThatWasAdded) {
  add("chat", kNow);
  add("chat", kNow - 60);
  EXPECT_EQ(answer("limit=1"),
            R"({"object":"page","data":[{"object":"bucket","start_time":1728000000,)"
            R"("end_time":1728086400,"results":[{"object":"usage.result","input_tokens":200,)"
            R"("output_tokens":40,"total_tokens":240,"input_cached_tokens":60,)"
            R"("output_reasoning_tokens":10,)"
            R"("tokens_by_source":{"provider":240,"counted":0,"estimated":0},)"
            R"("num_model_requests":2,"num_completed_requests":2,"num_failed_requests":0,)"
            R"("num_cancelled_requests":0,"num_refused_requests":0,"num_attempts":2,)"
            R"("cost":0.003,"num_unpriced_requests":0}]}],"has_more":false,"next_page":null})");
  EXPECT_EQ(store_->waiting(), 0u);
}

TEST_F(UsageApiTest, TenDaysUntilNowAreAskedByDefault) {
  add("chat", kToday - 9 * kDay);
  add("chat", kToday - 9 * kDay - 1);
  const std::string reply = answer("version=2026-08-05");
  EXPECT_EQ(count(reply, R"("object":"bucket")"), 10u);
  EXPECT_EQ(count(reply, R"("results":[])"), 9u);
  EXPECT_EQ(count(reply, R"("num_model_requests":1,)"), 1u);
}

TEST_F(UsageApiTest, BucketsAreMinutesHoursAndDays) {
  add("chat", kToday + 59);
  add("chat", kToday + 60);
  add("chat", kToday + 3'600);
  const std::string range =
      "start_time=" + std::to_string(kToday) + "&end_time=" + std::to_string(kToday + 7'200);
  EXPECT_EQ(count(answer(range + "&bucket_width=1m&limit=100"), R"("usage.result")"), 3u);
  EXPECT_EQ(count(answer(range + "&bucket_width=1h"), R"("usage.result")"), 2u);
  EXPECT_EQ(count(answer(range), R"("num_model_requests":3,)"), 1u);
  EXPECT_EQ(count(answer(range), R"("object":"bucket")"), 1u);
}

TEST_F(UsageApiTest, RangesThatFollowEachOtherCountNothingTwice) {
  add("chat", kToday + 30);
  const auto part = [&](int64_t from, int64_t until) {
    return count(answer("start_time=" + std::to_string(from) + "&end_time=" +
                        std::to_string(until)), R"("num_model_requests":1,)");
  };
  EXPECT_EQ(part(kToday - 100, kToday + 15) + part(kToday + 15, kToday + 100), 1u);
}

TEST_F(UsageApiTest, GroupsByOneOrMore) {
  add("a", kNow);
  add("a", kNow, "k2");
  add("b", kNow, "k1", "default", UsageType::kEmbedding);
  const std::string both = answer("limit=1&group_by=model,user_uuid");
  EXPECT_EQ(count(both, R"("usage.result")"), 3u);
  EXPECT_EQ(count(both, R"("model":"m-a","user_uuid":"k2"})"), 1u);
  EXPECT_EQ(answer("limit=1&group_by=model&group_by=user_uuid"), both);
  EXPECT_EQ(answer("limit=1&group_by%5B%5D=model%2Cuser_uuid&group_by[]=model"), both);
  EXPECT_EQ(count(answer("limit=1&group_by=usage_type"), R"("usage_type":"embedding"})"), 1u);
  EXPECT_EQ(count(answer("limit=1&group_by=key"), R"("key":"k1","key_name":"app"})"), 1u);
  EXPECT_EQ(count(answer("limit=1&group_by=service_provider,load_balancer_alias"),
                  R"("service_provider":"p","load_balancer_alias":"b"})"), 1u);
  EXPECT_EQ(count(answer("limit=1&group_by=provider,alias,target"),
                  R"("provider":"p","alias":"a","target":"p/m"})"), 1u);
  EXPECT_EQ(count(answer("limit=1&usage_types=embedding"), R"("num_model_requests":1,)"), 1u);
  EXPECT_EQ(count(answer("limit=1&usage_types=embedding,completion"),
                  R"("num_model_requests":3,)"), 1u);
  EXPECT_EQ(count(answer("limit=1&usage_types=image"), R"("results":[])"), 1u);
}

TEST_F(UsageApiTest, PagesFollowEachOther) {
  for (int day = 0; day < 25; ++day) add("chat", kToday - day * kDay);
  const std::string range = "start_time=" + std::to_string(kToday - 24 * kDay);
  std::string page;
  size_t results = 0, pages = 0;
  do {
    const std::string reply = answer(range + (page.empty() ? "" : "&page=" + page));
    results += count(reply, R"("num_model_requests":1,)");
    page = next_page(reply);
    EXPECT_EQ(count(reply, R"("has_more":true)"), page.empty() ? 0u : 1u);
    ASSERT_LT(++pages, 10u);
  } while (!page.empty());
  EXPECT_EQ(pages, 3u);
  EXPECT_EQ(results, 25u);
}

TEST_F(UsageApiTest, APageEndsBeforeItGetsTooLong) {
  const int half = static_cast<int>(UsagePage::kMaxResults / 2) + 1;
  for (int i = 0; i < half; ++i) {
    add("a-" + std::to_string(i), kToday);
    add("a-" + std::to_string(i), kToday - kDay);
  }
  const std::string query = "group_by=alias&limit=2";
  const std::string reply = answer(query);
  EXPECT_EQ(count(reply, R"("usage.result")"), static_cast<size_t>(half));
  const std::string rest = answer(query + "&page=" + next_page(reply));
  EXPECT_EQ(count(rest, R"("usage.result")"), static_cast<size_t>(half));
  for (int i = 0; i < half; ++i) add("b-" + std::to_string(i), kToday);
  EXPECT_EQ(refused("group_by=alias&limit=1"), "group_by");
}

TEST_F(UsageApiTest, BadParametersAreNamed) {
  EXPECT_EQ(refused("start_time=yesterday"), "start_time");
  EXPECT_EQ(refused("start_time=-1"), "start_time");
  EXPECT_EQ(refused("end_time=99999999999999999999"), "end_time");
  EXPECT_EQ(refused("start_time=500&end_time=500"), "end_time");
  EXPECT_EQ(refused("bucket_width=2d"), "bucket_width");
  EXPECT_EQ(refused("group_by=model,colour"), "group_by");
  EXPECT_EQ(refused("group_by="), "group_by");
  EXPECT_EQ(refused("limit=0"), "limit");
  EXPECT_EQ(refused("limit=101"), "limit");
  EXPECT_EQ(refused("limit=10.5"), "limit");
  EXPECT_EQ(refused("page=2"), "page");
  EXPECT_EQ(refused("page=b17"), "page");
  EXPECT_EQ(refused("usage_types=video"), "usage_types");
  EXPECT_EQ(refused("limit=%31%zz"), "limit");
}

TEST_F(UsageApiTest, ACostIsOnlyShownWhereThereIsAPrice) {
  UsageRow row;
  row.unix_s = kNow;
  row.tenant = "default";
  row.outcome = Outcome::kFailed;
  store_->add(row);
  EXPECT_EQ(count(answer("limit=1"), R"("cost":0,)"), 1u);  // nothing was used
  row.usage = {7, 0, 7, -1, -1, UsageSource::kEstimated};
  store_->add(row);
  std::string reply = answer("limit=1&group_by=provider");
  EXPECT_EQ(count(reply, "\"cost\""), 0u);
  EXPECT_EQ(count(reply, R"("num_unpriced_requests":1,"provider":null})"), 1u);
  EXPECT_EQ(count(reply, R"("counted":0,"estimated":7})"), 1u);
  row.cost_nano = 12'345'678'901;
  store_->add(row);
  reply = answer("limit=1");
  EXPECT_EQ(count(reply, R"("cost":12.345678901,"num_unpriced_requests":1)"), 1u);
}

TEST_F(UsageApiTest, EachSeesWhatIsTheirs) {
  add("chat", kNow);
  add("chat", kNow, "k2");
  add("chat", kNow, "k3", "acme");
  EXPECT_EQ(count(answer("limit=1"), R"("num_model_requests":2,)"), 1u);
  EXPECT_EQ(count(answer("limit=1", "/ml/v1/usage/user"), R"("num_model_requests":1,)"), 1u);
  tenant_ = "acme";
  EXPECT_EQ(count(answer("limit=1"), R"("num_model_requests":1,)"), 1u);
  EXPECT_EQ(count(answer("limit=1", "/v1/usage/user"), R"("results":[])"), 1u);
  tenant_ = "";  // an operator's
  EXPECT_EQ(count(answer("limit=1&group_by=tenant"), R"("tenant":"acme"})"), 1u);
  EXPECT_EQ(count(answer("limit=1"), R"("num_model_requests":3,)"), 1u);
}

TEST_F(UsageApiTest, AStoreThatCannotBeWrittenSaysSo) {
  add("chat", kNow);
  ASSERT_TRUE(store_->database().execute("PRAGMA query_only=ON"));
  const ManagementCall call = ask("");
  EXPECT_EQ(call.error, Errc::kOverloaded);
  EXPECT_EQ(call.error_code, "usage_unavailable");
}

// Goal: what ends during a long question is taken in, and is part of the next answer.
TEST_F(UsageApiTest, RequestsThatEndDuringAQuestionAreKept) {
  for (int i = 0; i < 3000; ++i) add("a-" + std::to_string(i), kNow);
  static int calls;
  calls = 0;
  store_->set_idle(
      [](void* test) {
        ++calls;
        static_cast<UsageApiTest*>(test)->add("late", kNow);
      },
      this);
  EXPECT_EQ(count(answer("limit=1"), R"("num_model_requests":3000,)"), 1u);
  EXPECT_GT(calls, 0);
  store_->set_idle(nullptr, nullptr);
  EXPECT_EQ(store_->waiting(), 1u);
  const std::string all = R"("num_model_requests":)" + std::to_string(3000 + calls) + ",";
  EXPECT_EQ(count(answer("limit=1"), all), 1u);
}

}  // namespace

}  // namespace weir
