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
  const auto put = [](char* to, uint8_t* len, std::string_view text) {
    std::memcpy(to, text.data(), text.size());
    *len = static_cast<uint8_t>(text.size());
  };
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
  EXPECT_NE(line.find(R"("tokens":{"prompt":3,"completion":0,"source":"provider"})"),
            std::string::npos);
  EXPECT_NE(line.find(R"("attempt_count":9)"), std::string::npos);
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
  AccessLog log;
  ASSERT_TRUE(log.open("file:" + path));
  log.append(LedgerRecord(), RecordNames::Names(), registry);
  log.append(LedgerRecord(), RecordNames::Names(), registry);
  log.flush();
  const std::string moved = path + ".1";
  ASSERT_EQ(rename(path.c_str(), moved.c_str()), 0);
  ASSERT_TRUE(log.reopen());
  log.append(LedgerRecord(), RecordNames::Names(), registry);
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
  AccessLog log;
  ASSERT_TRUE(log.open("file:" + path));
  const size_t line = access_line(LedgerRecord(), registry).size() + 1;
  const size_t enough = (AccessLog::kWriteBytes + line - 1) / line;
  struct stat info {};
  for (size_t i = 0; i + 1 < enough; ++i) {
    log.append(LedgerRecord(), RecordNames::Names(), registry);
  }
  ASSERT_EQ(stat(path.c_str(), &info), 0);
  EXPECT_EQ(info.st_size, 0);
  log.append(LedgerRecord(), RecordNames::Names(), registry);
  ASSERT_EQ(stat(path.c_str(), &info), 0);
  EXPECT_EQ(info.st_size, static_cast<off_t>(enough * line));
  unlink(path.c_str());
}

TEST(AccessLog, AFullDiskCostsLinesOnly) {
  Registry registry;
  SlotLeases leases(&registry);
  AccessLog log;
  ASSERT_TRUE(log.open("file:/dev/full"));
  for (int i = 0; i < 3; ++i) log.append(LedgerRecord(), RecordNames::Names(), registry);
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
  AccessLog log;
  ASSERT_TRUE(log.open("file:" + path));
  const size_t line = access_line(LedgerRecord(), registry).size() + 1;
  const size_t many = 2 * AccessLog::kMaxPending / line;
  for (size_t i = 0; i < many; ++i) {
    log.append(LedgerRecord(), RecordNames::Names(), registry);
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
