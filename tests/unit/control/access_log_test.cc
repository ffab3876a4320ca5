// Goal: one line of valid JSON per request, whatever the names hold; a destination that takes
// nothing costs lines, never service.
#include "control/access_log.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstring>

#include "control/config_secret.h"
#include "control/config_yaml.h"

namespace weir {

namespace {

void put(char* to, uint8_t* length, std::string_view text) {
  std::memcpy(to, text.data(), text.size());
  *length = static_cast<uint8_t>(text.size());
}

LedgerRecord hostile_record(Registry* registry, SlotLeases* leases) {
  LedgerRecord record;
  const std::string name = "a\"b\\c\n\x01\xff{}";
  record.route = registry->route_slot("default", "production", name, 0, leases);
  const uint32_t target = registry->target_slot("default", "p\n", name, leases);
  record.series = registry->series_slot(record.route, target, leases);
  record.principal = registry->pin_take({"id\"", name, "t\r\n"}, leases);
  record.kind = RequestKind::kManagement;
  record.started_unix_ms = 1'700'000'000'007;
  record.attempt_count = 9;  // more than are kept
  record.attempts[0] = {target, 503, Fault::kTarget, 12};
  record.usage = {.prompt_tokens = 3, .completion_tokens = 0, .source = UsageSource::kProvider};
  record.has_error = true;
  record.error = Errc::kUpstreamTimeout;
  record.outcome = Outcome::kFailed;
  put(record.method, &record.method_len, "G\"T");
  put(record.path, &record.path_len, "/v1/\n\"x");
  put(record.peer, &record.peer_len, "::1");
  put(record.request_id, &record.request_id_len, "r\\\"\x7f");
  record.path_len = 255;  // longer than the field: cut, never read past
  std::memset(record.path + 7, 'z', sizeof record.path - 7);
  return record;
}

TEST(AccessLog, HostileNamesStayOneValidLine) {
  Registry registry;
  SlotLeases leases(&registry);
  const std::string line = access_line(hostile_record(&registry, &leases), registry);
  EXPECT_EQ(line.find('\n'), std::string::npos);
  for (const char c : line) EXPECT_GE(static_cast<unsigned char>(c), 0x20);
  // JSON is YAML in flow style, so the reader of the configuration can judge it.
  ConfigProblems problems;
  const auto parsed = yaml_parse(line, &problems);
  ASSERT_TRUE(parsed) << line;
  EXPECT_EQ(parsed->kind, ConfigNode::Kind::kMap);
  EXPECT_TRUE(line.starts_with(R"({"time":"2023-11-14T22:13:20.007Z",)")) << line;
  EXPECT_NE(line.find(R"("outcome":"failed","error":"upstream_timeout")"), std::string::npos);
  EXPECT_NE(line.find(R"("tokens":{"source":"provider","prompt":3,"completion":0})"),
            std::string::npos);
  EXPECT_NE(line.find(R"("attempt_count":9)"), std::string::npos);
}

LedgerRecord plain_record(Registry* registry, SlotLeases* leases) {
  LedgerRecord record;
  record.route = registry->route_slot("default", "production", "fast", 0, leases);
  const uint32_t target = registry->target_slot("default", "cloud", "m", leases);
  record.series = registry->series_slot(record.route, target, leases);
  record.principal = registry->pin_take({"id-1", "app", "default"}, leases);
  record.kind = RequestKind::kInference;
  record.outcome = Outcome::kCompleted;
  record.status = 200;
  record.started_unix_ms = 1'700'000'000'007;
  record.total_us = 182'345;
  record.stage_us = {0, 14, 4, 0, 1, 182'310, 9, 7};
  record.request_bytes = 4096;
  record.response_bytes = 589;
  record.usage = {900, 64, 964, 0, 1'234'567, UsageSource::kProvider};
  record.attempt_count = 1;
  record.attempts[0] = {target, 200, Fault::kNone, 182'331};
  put(record.method, &record.method_len, "POST");
  put(record.peer, &record.peer_len, "127.0.0.1");
  put(record.request_id, &record.request_id_len, "req-0123456789abcdef01234567");
  return record;
}

TEST(AccessLog, TheWholeLineOfAnInference) {
  Registry registry;
  SlotLeases leases(&registry);
  LedgerRecord record = plain_record(&registry, &leases);
  const std::string begin =
      R"({"time":"2023-11-14T22:13:20.007Z","request_id":"req-0123456789abcdef01234567",)"
      R"("peer":"127.0.0.1","kind":"inference","method":"POST","endpoint":"chat/completions",)"
      R"("key":"app","key_id":"id-1","tenant":"default","alias":"fast","target":"cloud/m",)"
      R"("status":200,"outcome":"completed","stream":false,"attempt_count":1,)";
  const std::string end =
      R"("bytes_in":4096,"bytes_out":589,"tokens":{"source":"provider","prompt":900,)"
      R"("completion":64,"total":964,"cached":0,"reasoning":1234567},"stages_us":{"receive":0,)"
      R"("parse":14,"decide":4,"pool":0,"connect":1,"upstream":182310,"translate":9,"relay":7},)"
      R"("total_us":182345})";
  const auto with = [&](const std::string& attempt) {
    return begin + "\"attempts\":[" + attempt + "]," + end;
  };
  AttemptRecord& attempt = record.attempts[0];
  EXPECT_EQ(access_line(record, registry),
            with(R"({"target":"cloud/m","status":200,"fault":"none","us":182331})"));
  // One attempt that is not the usual one.
  attempt.status = 201;
  EXPECT_EQ(access_line(record, registry),
            with(R"({"target":"cloud/m","status":201,"fault":"none","us":182331})"));
  attempt.status = 200;
  attempt.fault = Fault::kClient;
  EXPECT_EQ(access_line(record, registry),
            with(R"({"target":"cloud/m","status":200,"fault":"client","us":182331})"));
  attempt = {registry.target_slot("default", "near", "n", &leases), 200, Fault::kNone, 5};
  EXPECT_EQ(access_line(record, registry),
            with(R"({"target":"near/n","status":200,"fault":"none","us":5})"));
}

TEST(AccessLog, TheAttemptsOfOneRequest) {
  Registry registry;
  SlotLeases leases(&registry);
  LedgerRecord record = plain_record(&registry, &leases);
  record.attempts[1] = record.attempts[0];
  const uint32_t near = registry.target_slot("default", "near", "n", &leases);
  record.attempts[0] = {near, 503, Fault::kTarget, 5};
  record.attempt_count = 2;
  EXPECT_TRUE(access_line(record, registry)
                  .contains(R"("attempt_count":2,"attempts":[{"target":"near/n","status":503,)"
                            R"("fault":"target","us":5},{"target":"cloud/m","status":200,)"
                            R"("fault":"none","us":182331}],"bytes_in")"));
  record.attempt_count = 0;
  record.cached = true;
  record.usage = {};
  const std::string line = access_line(record, registry);
  EXPECT_FALSE(line.contains("attempt"));
  EXPECT_TRUE(line.contains(R"("tokens":{"source":"cache"},"stages_us")"));
}

TEST(AccessLog, TheLineOfARouteOfWeirsOwn) {
  const Registry registry;
  LedgerRecord record;
  record.kind = RequestKind::kHealth;
  record.outcome = Outcome::kCompleted;
  record.status = 200;
  put(record.method, &record.method_len, "GET");
  put(record.path, &record.path_len, "/readyz");
  EXPECT_TRUE(access_line(record, registry)
                  .contains(R"("kind":"health","method":"GET","status":200,"outcome":"completed",)"
                            R"("stream":false,"path":"/readyz","bytes_in":0)"));
}

// The seconds' text is kept from line to line.
TEST(AccessLog, TellsTheTimeToTheMillisecond) {
  const Registry registry;
  LedgerRecord record;
  const auto told = [&](int64_t unix_ms) {
    record.started_unix_ms = unix_ms;
    const std::string line = access_line(record, registry);
    return line.substr(9, 24);
  };
  EXPECT_EQ(told(1'700'000'000'000), "2023-11-14T22:13:20.000Z");
  EXPECT_EQ(told(1'700'000'000'999), "2023-11-14T22:13:20.999Z");
  EXPECT_EQ(told(1'700'000'001'000), "2023-11-14T22:13:21.000Z");
  EXPECT_EQ(told(1'700'000'000'050), "2023-11-14T22:13:20.050Z");
  EXPECT_EQ(told(0), "1970-01-01T00:00:00.000Z");
}

TEST(AccessLog, UnknownSlotsAreLeftOut) {
  const Registry registry;
  LedgerRecord record;
  record.route = 77;
  record.principal = 78;
  record.series = 79;
  const std::string line = access_line(record, registry);
  EXPECT_EQ(line.find("alias"), std::string::npos);
  EXPECT_NE(line.find(R"("outcome":"refused")"), std::string::npos);
}

TEST(AccessLog, WritesAndReopensAFile) {
  Registry registry;
  SlotLeases leases(&registry);
  const std::string path = testing::TempDir() + "/weir-access-" + std::to_string(getpid());
  RecordNames names;
  AccessLog log;
  ASSERT_TRUE(log.open("file:" + path));
  log.append(LedgerRecord(), names.of({}, registry), registry);
  log.append(LedgerRecord(), names.of({}, registry), registry);
  log.flush();
  const std::string moved = path + ".1";
  ASSERT_EQ(rename(path.c_str(), moved.c_str()), 0);
  ASSERT_TRUE(log.reopen());
  log.append(LedgerRecord(), names.of({}, registry), registry);
  log.flush();
  const auto lines = [](const std::string& file) {
    const std::string text = file_read(file, 1 << 20).value_or("");
    return std::count(text.begin(), text.end(), '\n');
  };
  EXPECT_EQ(lines(moved), 2);
  EXPECT_EQ(lines(path), 1);
  EXPECT_EQ(log.dropped(), 0u);
  EXPECT_FALSE(log.open("file:/nowhere/x"));
  EXPECT_EQ(log.destination(), "file:" + path);
  unlink(path.c_str());
  unlink(moved.c_str());
}

TEST(AccessLog, ManyLinesDoNotWaitForAFlush) {
  const std::string path = testing::TempDir() + "/weir-many-" + std::to_string(getpid());
  Registry registry;
  SlotLeases leases(&registry);
  RecordNames names;
  AccessLog log;
  ASSERT_TRUE(log.open("file:" + path));
  const size_t line = access_line(LedgerRecord(), registry).size() + 1;
  const size_t enough = (AccessLog::kWriteBytes + line - 1) / line;
  struct stat info {};
  for (size_t i = 0; i + 1 < enough; ++i) {
    log.append(LedgerRecord(), names.of({}, registry), registry);
  }
  ASSERT_EQ(stat(path.c_str(), &info), 0);
  EXPECT_EQ(info.st_size, 0);
  log.append(LedgerRecord(), names.of({}, registry), registry);
  ASSERT_EQ(stat(path.c_str(), &info), 0);
  EXPECT_EQ(info.st_size, static_cast<off_t>(enough * line));
  unlink(path.c_str());
}

TEST(AccessLog, AFullDiskCostsLinesOnly) {
  Registry registry;
  SlotLeases leases(&registry);
  RecordNames names;
  AccessLog log;
  ASSERT_TRUE(log.open("file:/dev/full"));
  for (int i = 0; i < 3; ++i) log.append(LedgerRecord(), names.of({}, registry), registry);
  log.flush();
  EXPECT_EQ(log.dropped(), 3u);
}

TEST(AccessLog, APipeThatNobodyReadsIsBounded) {
  std::signal(SIGPIPE, SIG_IGN);  // as process_protect() does
  const std::string path = testing::TempDir() + "/weir-fifo-" + std::to_string(getpid());
  ASSERT_EQ(mkfifo(path.c_str(), 0600), 0);
  const int reader = open(path.c_str(), O_RDONLY | O_NONBLOCK);
  Registry registry;
  SlotLeases leases(&registry);
  RecordNames names;
  AccessLog log;
  ASSERT_TRUE(log.open("file:" + path));
  const size_t line = access_line(LedgerRecord(), registry).size() + 1;
  const size_t many = 2 * AccessLog::kMaxPending / line;
  for (size_t i = 0; i < many; ++i) {
    log.append(LedgerRecord(), names.of({}, registry), registry);
    if (i % 1000 == 0) log.flush();
  }
  const uint64_t dropped = log.dropped();
  EXPECT_GT(dropped, 0u);
  close(reader);
  log.flush();
  EXPECT_GT(log.dropped(), dropped);  // broken now: what waited is lost, nothing else happens
  unlink(path.c_str());
}

}  // namespace

}  // namespace weir
