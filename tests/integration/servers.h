// The two programs under test, each on a port of its own: the mock of a provider and Weir.
//
// Gateway writes the configuration into a folder of its own and waits until it answers. One thread
// uses each object.
#pragma once

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "peer.h"
#include "process.h"

namespace weir::integration {

constexpr char kUserKey[] = "integration-key-user";
constexpr char kAdminKey[] = "integration-key-admin";
constexpr char kUpstreamKey[] = "integration-key-upstream";

inline std::string get_request(const std::string& path, const std::string& key) {
  return "GET " + path + " HTTP/1.1\r\nHost: weir\r\nAuthorization: Bearer " + key + "\r\n\r\n";
}

inline std::string post_request(const std::string& path, const std::string& body,
                                const std::string& key = kUserKey, const std::string& fields = "") {
  return "POST " + path + " HTTP/1.1\r\nHost: weir\r\nAuthorization: Bearer " + key +
         "\r\nContent-Type: application/json\r\n" + fields +
         "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

inline std::string chat_body(const std::string& model, bool stream = false) {
  return R"({"model":")" + model + R"(",)" + (stream ? R"("stream":true,)" : "") +
         R"("messages":[{"role":"user","content":"good morning river"}]})";
}

inline std::string chat_request(const std::string& model, bool stream = false,
                                const std::string& key = kUserKey) {
  return post_request("/v1/chat/completions", chat_body(model, stream), key);
}

// The number behind `"name":` or `name `, -1 when it is not there.
inline int64_t number_after(std::string_view text, std::string_view name) {
  const size_t at = text.find(name);
  if (at == std::string_view::npos) return -1;
  return std::atoll(std::string(text.substr(at + name.size(), 20)).c_str());
}

class Mock {
 public:
  explicit Mock(std::vector<std::string> options = {}) {
    options.insert(options.begin(), program_path("mock_upstream"));
    process_ = std::make_unique<Process>(options, folder_ / "mock");
    EXPECT_TRUE(until([this] { return process_->out().find('\n') != std::string::npos; }))
        << process_->err();
    const std::string line = process_->out();
    port_ = static_cast<uint16_t>(std::atoi(line.c_str() + line.rfind(':') + 1));
  }
  [[nodiscard]] uint16_t port() const { return port_; }
  [[nodiscard]] std::string url(const std::string& path = "/v1") const {
    return "http://127.0.0.1:" + std::to_string(port_) + path;
  }
  [[nodiscard]] std::string ask(const std::string& path) const {
    Peer peer(port_);
    peer.send("GET " + path + " HTTP/1.1\r\nHost: mock\r\n\r\n");
    return peer.read().body;
  }
  // One of the counters of /__stats.
  [[nodiscard]] int64_t count(const std::string& name) const {
    return number_after(ask("/__stats"), "\"" + name + "\":");
  }
  // Chat requests whose path began with `prefix`, such as "/a/v1".
  [[nodiscard]] int64_t chats(const std::string& prefix) const {
    return std::max<int64_t>(0, count(prefix + "/chat/completions"));
  }

 private:
  TempDir folder_;
  std::unique_ptr<Process> process_;
  uint16_t port_ = 0;
};

// The sums of a page of metrics that have to agree with each other.
struct RequestSums {
  int64_t accepted = 0, in_flight = 0;
  int64_t reserved = 0, refunded = 0, settled = 0;
  std::map<std::string, int64_t> by_outcome;
  [[nodiscard]] int64_t of(const std::string& outcome) const {
    const auto found = by_outcome.find(outcome);
    return found == by_outcome.end() ? 0 : found->second;
  }
  [[nodiscard]] bool agree() const {
    const bool tokens = in_flight != 0 || reserved - refunded == settled;
    return tokens && accepted == of("completed") + of("failed") + of("cancelled") + in_flight;
  }
};

inline RequestSums request_sums(const std::string& page) {
  RequestSums sums;
  sums.accepted = number_after(page, "\nweir_requests_accepted_total ");
  sums.in_flight = number_after(page, "\nweir_requests_in_flight ");
  sums.reserved = number_after(page, "\nweir_reserved_tokens_total ");
  sums.refunded = number_after(page, "\nweir_refunded_tokens_total ");
  sums.settled = number_after(page, "\nweir_settled_tokens_total ");
  constexpr std::string_view kName = "\nweir_requests_total{";
  constexpr std::string_view kLabel = "outcome=\"";
  for (size_t at = page.find(kName); at != std::string::npos; at = page.find(kName, at + 1)) {
    const std::string line = page.substr(at + 1, page.find('\n', at + 1) - at - 1);
    const size_t begin = line.find(kLabel) + kLabel.size();
    const std::string outcome = line.substr(begin, line.find('"', begin) - begin);
    sums.by_outcome[outcome] += std::atoll(line.c_str() + line.rfind(' '));
  }
  return sums;
}

// The sum of a metric's samples that have this label.
inline int64_t samples_sum(std::string_view page, const std::string& name,
                           std::string_view label) {
  const std::string begin = "\n" + name + "{";
  int64_t sum = 0;
  for (size_t at = page.find(begin); at != page.npos; at = page.find(begin, at + 1)) {
    const std::string_view line = page.substr(at + 1, page.find('\n', at + 1) - at - 1);
    if (line.find(label) != line.npos) sum += number_after(line, "} ");
  }
  return sum;
}

// The sum of all numbers of that name in a page of usage.
inline int64_t usage_sum(std::string_view page, const std::string& name) {
  const std::string member = "\"" + name + "\":";
  int64_t sum = 0;
  for (size_t at = 0; (at = page.find(member, at)) != std::string_view::npos; ++at) {
    sum += number_after(page.substr(at), member);
  }
  return sum;
}

struct GatewayOptions {
  std::vector<std::string> arguments = {"--workers", "1"};
  std::vector<std::string> wrapper = {};  // a program that runs it, such as prlimit
  std::vector<std::string> environment = {};
  std::string more_listen = {};  // further entries of `listen`, each with a comma in front
};

class Gateway {
 public:
  // `config`: everything but `listen`, `data_dir`, `admin_key` and the user's key.
  explicit Gateway(const std::string& config) : Gateway(config, GatewayOptions()) {}
  Gateway(const std::string& config, const GatewayOptions& options)
      : port_(port_free()), more_listen_(options.more_listen) {
    write(config);
    start(options);
  }
  // Every end that a test does not cause itself has to be a clean one.
  ~Gateway() {
    if (process_ == nullptr || process_->ended()) return;
    check_conservation();
    process_->signal(SIGTERM);
    EXPECT_EQ(process_->wait(), 0) << process_->err();
  }

  void write(const std::string& config) const {
    file_write(folder_ / "weir.yaml", head() + config);
  }
  void start(const GatewayOptions& options = GatewayOptions()) {
    ++starts_;
    std::vector<std::string> command = options.wrapper;
    command.insert(command.end(), {program_path("weir"), "run", "--config", folder_ / "weir.yaml"});
    command.insert(command.end(), options.arguments.begin(), options.arguments.end());
    process_ = std::make_unique<Process>(command, folder_ / "weir", options.environment);
    EXPECT_TRUE(until([this] {
      if (process_->ended()) return true;
      Peer peer(port_);
      if (!peer.connected()) return false;
      peer.send("GET /readyz HTTP/1.1\r\nHost: weir\r\n\r\n");
      return peer.read().status == 200;
    }));
    EXPECT_FALSE(process_->ended()) << process_->err();
  }

  [[nodiscard]] uint16_t port() const { return port_; }
  [[nodiscard]] std::string url() const { return "http://127.0.0.1:" + std::to_string(port_); }
  [[nodiscard]] Process& process() { return *process_; }
  [[nodiscard]] const TempDir& folder() const { return folder_; }
  [[nodiscard]] Answer ask(const std::string& request) const {
    Peer peer(port_);
    peer.send(request);
    return peer.read();
  }
  [[nodiscard]] std::string metrics() const {
    return ask(get_request("/metrics", kAdminKey)).body;
  }
  // Re-reads the configuration and waits until that has happened.
  void reload() {
    const auto counts = [this] {
      const std::string page = metrics();
      return number_after(page, "weir_config_reloads_total{result=\"ok\"} ") +
             number_after(page, "weir_config_reloads_total{result=\"failed\"} ");
    };
    const int64_t before = counts();
    process_->signal(SIGHUP);
    EXPECT_TRUE(until([&] { return counts() > before; }));
  }

  // Whatever a test did: no request and no token is lost or counted twice, neither in the metrics
  // nor between the workers' records and the usage store. The store outlives a restart, and a test
  // may leave a Weir behind that answers no more.
  void check_conservation() const {
    if (ask(get_request("/metrics", kAdminKey)).status != 200) return;
    std::string page, usage;
    const auto holds = [&] {
      page = metrics();
      const RequestSums sums = request_sums(page);
      if (!sums.agree()) return false;
      if (starts_ != 1 || number_after(page, "\nweir_ledger_dropped_total ") != 0) return true;
      usage = ask(get_request("/v1/usage", kAdminKey)).body;
      return sums.of("completed") == usage_sum(usage, "num_completed_requests") &&
             sums.of("failed") == usage_sum(usage, "num_failed_requests") &&
             sums.of("cancelled") == usage_sum(usage, "num_cancelled_requests") &&
             samples_sum(page, "weir_tokens_total", "kind=\"prompt\"") ==
                 usage_sum(usage, "input_tokens") &&
             samples_sum(page, "weir_tokens_total", "kind=\"completion\"") ==
                 usage_sum(usage, "output_tokens");
    };
    EXPECT_TRUE(until(holds)) << page << usage;
  }

 private:
  [[nodiscard]] std::string head() const {
    return "listen: [{address: \"127.0.0.1:" + std::to_string(port_) + "\"}" + more_listen_ +
           "]\ndata_dir: " + folder_.path() + "/data\nadmin_key: " + kAdminKey + "\n";
  }

  TempDir folder_;
  uint16_t port_;
  std::string more_listen_;
  int starts_ = 0;
  std::unique_ptr<Process> process_;
};

constexpr char kUserEntry[] = "  - {name: app, key: integration-key-user, role: user}\n";

// One `openai` provider at the mock; `models` are lines of the list.
inline std::string mock_config(const Mock& mock, const std::string& models,
                               const std::string& more = "") {
  return "providers:\n  - {name: mock, type: openai, data: {apikey: " + std::string(kUpstreamKey) +
         ", base_url: \"" + mock.url() + "\"}}\nmodels:\n" + models + "keys:\n" + kUserEntry + more;
}

inline std::string mock_model(const std::string& alias, const std::string& script) {
  return "  - {provider: mock, id: \"mock/" + script + "\", alias: " + alias + "}\n";
}

struct LoadResult {
  int status = -1;
  std::string json, text;
};

// weir_load against `port`; `options` are added to the target, the key and --json.
inline LoadResult load_run(uint16_t port, std::vector<std::string> options) {
  const TempDir folder;
  std::vector<std::string> command = {
      program_path("weir_load"), "http://127.0.0.1:" + std::to_string(port), "--key", kUserKey,
      "--json", folder / "result.json"};
  command.insert(command.end(), options.begin(), options.end());
  LoadResult result;
  result.status = program_run(command, &result.text);
  result.json = file_read(folder / "result.json");
  return result;
}

}  // namespace weir::integration
