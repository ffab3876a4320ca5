// The access log and the metrics: one valid line per request, sums that agree, no secrets.
#include <gmock/gmock.h>
#include <simdjson.h>

#include <thread>

#include "servers.h"

namespace weir::integration {
namespace {

using testing::HasSubstr;
using testing::Not;

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

struct LogLine {
  bool valid = false;
  std::string request_id, outcome;
  int64_t status = 0;
};

LogLine log_line_read(const std::string& text) {
  LogLine line;
  simdjson::dom::parser parser;
  simdjson::dom::element root;
  if (parser.parse(text).get(root) != simdjson::SUCCESS) return line;
  const auto text_of = [&](const char* name) {
    std::string_view value;
    return root[name].get(value) == simdjson::SUCCESS ? std::string(value) : std::string();
  };
  line.request_id = text_of("request_id");
  line.outcome = text_of("outcome");
  line.valid = root["status"].get(line.status) == simdjson::SUCCESS;
  return line;
}

std::string with_id(const std::string& request, const std::string& id) {
  std::string out = request;
  return out.insert(out.find("\r\n") + 2, "x-request-id: " + id + "\r\n");
}

TEST(AccessLog, OneJsonLinePerRequest) {
  const Mock mock;
  Gateway gateway(mock_config(mock, mock_model("chat", "words=3") + mock_model("bad", "fail=400"),
                              "load_balancers: [{alias: bad, suspend_duration: 0s}]\n"
                              "log: {access: \"file:access.log\"}\n"));
  const std::string log = gateway.folder() / "access.log";
  const std::vector<std::pair<std::string, int>> cases = {
      {chat_request("chat"), 200},
      {chat_request("chat", true), 200},
      {chat_request("bad"), 400},
      {chat_request("none\\n\\u0000"), 400},
      {chat_request("none\\\"\\\\\\u2028\\ud83c\\udf0a"), 404},
      {chat_request("chat", false, "wrong-key"), 401},
      {get_request("/v1/models?x=\"\\", kUserKey), 200},
      {get_request("/not\"here", kUserKey), 404},
      {post_request("/v1/chat/completions", "{"), 400},
  };
  for (size_t i = 0; i < cases.size(); ++i) {
    const std::string id = "log-" + std::to_string(i);
    EXPECT_EQ(gateway.ask(with_id(cases[i].first, id)).status, cases[i].second) << i;
  }
  const auto ours = [&] {
    std::map<std::string, std::vector<LogLine>> found;
    for (const std::string& text : lines_of(file_read(log))) {
      const LogLine line = log_line_read(text);
      EXPECT_TRUE(line.valid) << text;
      if (line.request_id.starts_with("log-")) found[line.request_id].push_back(line);
    }
    return found;
  };
  ASSERT_TRUE(until([&] { return ours().size() >= cases.size(); })) << file_read(log);
  for (const auto& [id, lines] : ours()) {
    ASSERT_EQ(lines.size(), 1u) << id;
    EXPECT_EQ(lines[0].status, cases[std::stoul(id.substr(4))].second) << id;
  }
}

TEST(AccessLog, EveryRequestOfALoadOnce) {
  const Mock mock;
  Gateway gateway(mock_config(mock, mock_model("chat", "words=3"),
                              "log: {access: \"file:access.log\"}\n"),
                  {.arguments = {"--workers", "2"}});
  const LoadResult load = load_run(gateway.port(), {"-c", "16", "-n", "3000", "--model", "chat"});
  ASSERT_EQ(load.status, 0) << load.text;
  const auto count = [&] {
    const std::string text = file_read(gateway.folder() / "access.log");
    size_t lines = 0;
    for (const std::string& line : lines_of(text)) {
      lines += line.find("\"chat/completions\"") != std::string::npos ? 1 : 0;
    }
    return lines;
  };
  EXPECT_TRUE(until([&] { return count() >= 3000; })) << count();
  EXPECT_EQ(count(), 3000u);
}

// The log, the field of the answer and the client's own clock tell the same.
TEST(AccessLog, StagesSumToTheTimeThatTheClientWaited) {
  const Mock mock;
  Gateway gateway(mock_config(mock, mock_model("slow", "delay=150ms,body_delay=120ms") +
                                        mock_model("words", "delay=150ms,events=6,gap=20ms"),
                              "log: {access: \"file:access.log\"}\n"));
  const auto line_of = [&](const std::string& id) {
    for (const std::string& text : lines_of(file_read(gateway.folder() / "access.log"))) {
      if (text.find("\"" + id + "\"") != std::string::npos) return text;
    }
    return std::string();
  };
  for (const bool stream : {false, true}) {
    const std::string id = stream ? "timed-stream" : "timed-whole";
    const std::string request = with_id(chat_request(stream ? "words" : "slow", stream), id);
    const auto begun = std::chrono::steady_clock::now();
    const Answer answer = gateway.ask(std::string(request).insert(request.find("\r\n") + 2,
                                                                  "x-weir-timing: 1\r\n"));
    const auto waited = std::chrono::duration_cast<std::chrono::microseconds>(
        std::chrono::steady_clock::now() - begun).count();
    ASSERT_EQ(answer.status, 200);
    const double told_ms = std::atof(answer.field("server-timing").c_str() +
                                     answer.field("server-timing").find("upstream;dur=") + 13);
    EXPECT_GE(told_ms, 150.0);
    std::string line;
    ASSERT_TRUE(until([&] { return !(line = line_of(id)).empty(); }));
    int64_t sum = 0;
    for (const char* stage : {"receive", "parse", "decide", "pool", "connect", "upstream",
                              "translate", "relay"}) {
      sum += number_after(line, "\"" + std::string(stage) + "\":");
    }
    const int64_t total = number_after(line, "\"total_us\":");
    EXPECT_LE(std::abs(total - sum), total / 20) << line;
    EXPECT_NEAR(static_cast<double>(number_after(line, "\"upstream\":")), told_ms * 1000, 2);
    EXPECT_GE(number_after(line, "\"relay\":"), 100'000) << line;
    // The client's clock starts earlier, and may stop before Weir has noted that it wrote the end.
    EXPECT_LE(total, waited + waited / 20) << line;
    EXPECT_GE(total, 250'000) << line;
  }
}

TEST(AccessLog, IsOpenedAgainOnSignal) {
  const Gateway gateway("keys:\n" + std::string(kUserEntry) +
                        "log: {access: \"file:access.log\"}\n");
  const std::string log = gateway.folder() / "access.log", moved = gateway.folder() / "moved.log";
  const auto ask = [&](const std::string& id) {
    EXPECT_EQ(gateway.ask(with_id(get_request("/v1/models", kUserKey), id)).status, 200);
  };
  ask("before-it");
  ASSERT_TRUE(until([&] { return file_read(log).find("before-it") != std::string::npos; }));
  std::filesystem::rename(log, moved);
  const_cast<Gateway&>(gateway).process().signal(SIGUSR1);
  ASSERT_TRUE(until([&] { return std::filesystem::exists(log); }));
  ask("after-it");
  EXPECT_TRUE(until([&] { return file_read(log).find("after-it") != std::string::npos; }));
  EXPECT_THAT(file_read(moved), Not(HasSubstr("after-it")));
}

TEST(Metrics, SumsAgreeAfterMixedLoad) {
  const Mock mock;
  Gateway gateway(
      mock_config(mock,
                  mock_model("chat", "words=3") + mock_model("slow", "events=20,gap=5ms") +
                      mock_model("fail", "fail=500") + mock_model("cut", "cut_at=3"),
                  "load_balancers: [{alias: fail, suspend_duration: 0s}, "
                  "{alias: cut, suspend_duration: 0s}]\n"),
      {.arguments = {"--workers", "2"}});
  const std::vector<std::vector<std::string>> loads = {
      {"-c", "8", "-n", "400", "--model", "chat"},
      {"-c", "8", "-n", "200", "--model", "slow", "--stream", "--abort-fraction", "0.4"},
      {"-c", "8", "-n", "100", "--model", "fail", "--expect-status", "500,502"},
      {"-c", "8", "-n", "100", "--model", "cut", "--stream", "--allow-errors"},
      {"-c", "8", "-n", "100", "--model", "none", "--expect-status", "404"},
  };
  std::vector<std::thread> threads;
  std::vector<LoadResult> results(loads.size());
  for (size_t i = 0; i < loads.size(); ++i) {
    threads.emplace_back([&, i] { results[i] = load_run(gateway.port(), loads[i]); });
  }
  for (int i = 0; i < 10; ++i) {
    const std::string page = gateway.metrics();
    EXPECT_TRUE(request_sums(page).agree()) << page;
  }
  for (std::thread& thread : threads) thread.join();
  for (const LoadResult& result : results) EXPECT_EQ(result.status, 0) << result.text;
  ASSERT_TRUE(until([&] { return request_sums(gateway.metrics()).in_flight == 0; }));
  RequestSums sums = request_sums(gateway.metrics());
  EXPECT_TRUE(sums.agree());
  // An abort can come before the request, or after the whole answer.
  const int64_t aborted = number_after(results[1].json, "\"aborted_fin\":") +
                          number_after(results[1].json, "\"aborted_reset\":");
  EXPECT_GE(sums.by_outcome["completed"], 400 + 200 - aborted);
  EXPECT_LE(sums.by_outcome["cancelled"], aborted);
  EXPECT_EQ(sums.by_outcome["failed"], 200);
  EXPECT_EQ(sums.by_outcome["refused"], 100);
  EXPECT_EQ(mock.count("in_flight"), 0);
}

// Every value that must stay inside is planted, then everything that Weir lets out is searched.
TEST(Secrets, AreNowhereToBeSeen) {
  const std::vector<std::string> planted = {"planted-upstream-key", "planted-user-key",
                                            "planted-offered-key", "planted-admin-key",
                                            "planted-prompt-text", "planted-field-value"};
  const Mock mock;
  // Providers like to quote the key that they refuse.
  const Mock strict({"--script", "fail=401,message=wrong: planted-upstream-key"});
  const std::string config =
      "providers:\n  - {name: mock, type: openai, data: {apikey: \"env:PLANTED\", base_url: \"" +
      mock.url() + "\"}, headers: {x-extra: planted-field-value}}\n" +
      "  - {name: strict, type: openai, data: {apikey: \"env:PLANTED\", base_url: \"" +
      strict.url() + "\"}}\nmodels:\n" +
      mock_model("chat", "words=3") +
      mock_model("cut", "cut_at=40") + "  - {provider: strict, id: river, alias: refused}\n" +
      "keys:\n" + kUserEntry + "  - {name: planted, key: planted-user-key, role: user}\n" +
      "  - {name: planted-admin, key: planted-admin-key, role: admin}\n" +
      "log: {level: debug, access: stdout}\n";
  Gateway gateway(config, {.environment = {"PLANTED=planted-upstream-key"}});
  std::string seen;
  const auto ask = [&](const std::string& request) {
    const Answer answer = gateway.ask(request);
    seen += answer.head + answer.body;
    return answer.status;
  };
  std::string prompt = chat_body("chat");
  prompt.replace(prompt.find("good morning"), 12, "planted-prompt-text");
  EXPECT_EQ(ask(post_request("/v1/chat/completions", prompt, "planted-user-key")), 200);
  EXPECT_EQ(ask(chat_request("chat", false, "planted-offered-key")), 401);
  EXPECT_EQ(ask(get_request("/v1/models", "planted-offered-key")), 401);
  EXPECT_EQ(ask(chat_request("refused", false, "planted-user-key")), 502);
  EXPECT_EQ(ask(chat_request("cut", true, "planted-user-key")), 200);
  EXPECT_EQ(ask(post_request("/v1/chat/completions", prompt + "x", "planted-user-key")), 400);
  EXPECT_EQ(ask(get_request("/metrics", "planted-admin-key")), 200);
  gateway.write("oops: planted-user-key\n" + config);
  gateway.reload();
  const std::string proc = "/proc/" + std::to_string(gateway.process().pid());
  seen += file_read(proc + "/cmdline");
  gateway.process().signal(SIGTERM);
  ASSERT_EQ(gateway.process().wait(), 0);
  seen += gateway.process().out() + gateway.process().err();
  for (const auto& entry :
       std::filesystem::recursive_directory_iterator(gateway.folder() / "data")) {
    if (!entry.is_regular_file()) continue;
    EXPECT_EQ(entry.status().permissions() & std::filesystem::perms(077),
              std::filesystem::perms::none)
        << entry.path();
    seen += file_read(entry.path().string());
  }
  EXPECT_THAT(seen, HasSubstr("chat/completions"));
  for (const std::string& secret : planted) EXPECT_THAT(seen, Not(HasSubstr(secret)));
}

}  // namespace
}  // namespace weir::integration
