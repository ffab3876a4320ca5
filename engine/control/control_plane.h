// The control plane: owns the configuration's truth, publishes snapshots, answers management calls,
// writes the access log. One plain thread that sleeps in poll() on an eventfd.
//
// Use: create(), attach() the workers' links, start(); the link() goes to the workers. stop() after
// the workers have stopped. request_*() may be called by any thread; all else by the one that
// created it, before start() or after stop(). Nothing here blocks a worker.
#pragma once

#include <condition_variable>
#include <deque>
#include <expected>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "control/access_log.h"
#include "control/api/api_route.h"
#include "control/api/available_models.h"
#include "control/config_load.h"
#include "control/data_dir.h"
#include "control/metrics.h"
#include "control/outbound.h"
#include "control/publisher.h"
#include "control/record_names.h"
#include "control/registry.h"
#include "control/restart_settings.h"
#include "control/routing_build.h"
#include "control/store/catalog_source.h"
#include "control/store/merge.h"
#include "control/store/store.h"
#include "control/secret/sealer.h"
#include "control/secret/secret_resolver.h"
#include "control/signin/sign_in.h"
#include "control/signin/sign_in_api.h"
#include "control/token_service.h"
#include "control/usage/usage_feed.h"
#include "control/usage/usage_store.h"

namespace weir {

struct ControlOptions {
  ConfigOptions config;
  std::string database;     // file of the stores; empty: they are kept in memory
  std::shared_ptr<const Sealer> sealer;  // of what the database holds; null: one for this run
  std::string config_file;  // read again by a reload; empty: the embedded configuration
  Result<void> (*default_prepare)(const PrepareInput& input, std::string* head) = nullptr;
  // list_models() of the adapters that leave it null.
  Result<size_t> (*default_list_models)(std::string_view body, Arena& arena,
                                        std::span<ModelName> out,
                                        std::string_view* cursor) = nullptr;
  // Of the file as it was at the start, without the command line; absent: nothing to compare with.
  std::optional<RestartSettings> started_with;
  std::optional<Secret> admin_key;
  void (*report)(const std::string& line) = nullptr;  // one line for the operator; any thread
  uint32_t workers = 1;
  uint32_t adopt_timeout_ms = 2'000;
  // How long a start or a reload waits for secrets that were never read.
  uint32_t secret_wait_ms = 3'000;
  uint32_t scrape_timeout_ms = 2'000;
};

class ControlPlane {
 public:
  // The error is one line.
  [[nodiscard]] static std::expected<std::unique_ptr<ControlPlane>, std::string> create(
      ControlOptions options, LoadedConfig loaded);
  ~ControlPlane();
  ControlPlane(const ControlPlane&) = delete;
  ControlPlane& operator=(const ControlPlane&) = delete;

  void attach(std::span<WorkerLink* const> workers) { publisher_.attach(workers); }
  void start();
  void stop();
  [[nodiscard]] ControlLink* link() { return &link_; }
  void request_reload();
  void request_log_reopen();
  // limits.drain_timeout of the configuration in use; any thread.
  [[nodiscard]] uint32_t drain_timeout_ms();
  // Applies a configuration on the control thread and waits for that; any thread but the workers'
  // own may wait for it without harm, and they may too: no worker is waited for. The error is one
  // line.
  [[nodiscard]] std::expected<void, std::string> publish(LoadedConfig loaded);

  // Handlers of the table of routes (api/api_route.cc).
  void call_metrics(ApiCall& made);
  void call_reload(ApiCall& made);
  void call_targets(ApiCall& made);
  void call_suspension(ApiCall& made);
  void call_usage(ApiCall& made, bool own);
  void call_available(ApiCall& made);
  void call_sign_in(ApiCall& made, SignInForm form);
  // Sends a call back to its worker; for handlers that answer later.
  void call_answer(ManagementCall* call);

  // One round of the thread's work; start() calls it, tests do.
  void tick(Millis now);
  [[nodiscard]] const Registry& registry() const { return registry_; }
  [[nodiscard]] const Publisher& publisher() const { return publisher_; }
  [[nodiscard]] UsageStore& usage() { return *usage_; }
  [[nodiscard]] Catalog& catalog() { return store_->catalog(); }
  [[nodiscard]] const SecretsConfig& secrets_config() const { return config_.secrets; }
  // Publishes what was changed in the catalog by others than calls (secrets that were read anew).
  // After an error nothing of it is left.
  [[nodiscard]] Cataloged<void> changes_apply();

 private:
  struct AdoptWait {  // a call that is answered when the workers run the epoch
    ManagementCall* call = nullptr;
    uint64_t epoch = 0;
    Millis deadline = 0;
  };
  struct Write {  // a call that changes what the API manages
    const ApiRoute* route = nullptr;
    ApiCall made;
  };
  struct ScrapeRound {
    uint64_t id = 0;
    size_t missing = 0;
    Millis deadline = 0;
    MetricsBlock sum;
    std::vector<ManagementCall*> calls;  // empty: no round is under way
  };

  explicit ControlPlane(ControlOptions options);
  void run();
  void wake();
  // A file with all that the API has made: builds and publishes; the error is one line.
  std::expected<void, std::string> apply(LoadedConfig loaded);
  [[nodiscard]] Routed route_changes();
  // Because of who signed in, or left.
  [[nodiscard]] Routed route_callers();
  [[nodiscard]] Routed route_update(const RoutingChanges& changes);
  [[nodiscard]] Routed route_whole();
  // All anew; `wait`: for secrets that were never read.
  [[nodiscard]] Routed route_all(const Config& file, bool wait, RoutingState* state,
                                 Merged* merged);
  [[nodiscard]] RoutingInput routing_input(const Config& config);
  void publish(std::unique_ptr<Publication> publication);
  void configured_find();
  std::expected<void, std::string> reload();
  // Written when log.level asks for lines of that level.
  void report(LogLevel level, const std::string& line);
  void report_reload(const std::expected<void, std::string>& done);

  // Gives providers the newest values of what they refer to; `wait`: for those never read, a while.
  void secrets_fill(const Config& file, bool wait, std::deque<ProviderConfig>* providers);
  // Which of the filled providers are not used, and why: reports what is new.
  void secrets_note(const std::deque<ProviderConfig>& providers,
                    std::map<std::string, std::string> refused);
  [[nodiscard]] std::string secrets_place(const std::string& tenant) const;
  void secrets_wait();
  void secrets_check();

  void ledger_drain();
  void usage_add(const LedgerRecord& record, RecordNames::Names* names);
  void usage_flush();
  void usage_check(Millis now);
  void commands_take();
  void tokens_take();
  void calls_take(Millis now);
  void call_handle(ManagementCall* call, Millis now, std::vector<Write>* writes);
  [[nodiscard]] bool write_run(Write& write);
  void writes_take(std::vector<Write> writes);
  void writes_alone(std::vector<Write>& batch);
  void write_fail(const Write& write, const CatalogError& error);
  void write_wait(const Write& write);
  void writes_count(size_t writes);
  void waits_check(Millis now);
  [[nodiscard]] std::expected<void, std::string> sign_in_open();
  void sign_in_check(Millis now);
  void scrape_begin(Millis now);
  void scrapes_take();
  void scrape_check(Millis now);

  ControlOptions options_;
  ControlLink link_;
  Registry registry_{options_.workers};
  InflightBoard inflight_{options_.workers};
  Publisher publisher_;
  AccessLog access_log_;
  RecordNames record_names_;
  std::unique_ptr<Store> store_;
  std::unique_ptr<UsageStore> usage_;
  Millis usage_flushed_at_ = 0;
  bool usage_failing_ = false;  // and reported
  ControlCounters counters_;
  AvailableModels available_{&outbound_,
                             {options_.default_prepare, options_.default_list_models},
                             [this](ManagementCall* call) { call_answer(call); }};
  Outbound outbound_;
  TokenService tokens_{&outbound_};
  SecretResolver secrets_{&outbound_, options_.config.adapters,
                          [this](const std::string& line) { report(LogLevel::kWarn, line); }};
  // Providers by uuid, and why they are not used: of the last snapshot, and of the next one.
  std::map<std::string, std::string> withheld_, missing_;
  std::set<std::pair<std::string, std::string>> released_;  // tenant and name, since the last clear
  uint64_t released_epoch_ = 0;
  std::unique_ptr<SignIn> sign_in_;
  Config config_;  // of the file
  std::optional<CatalogSource> source_;
  RoutingState routing_;
  bool routing_whole_ = true;    // nothing to begin an update with
  uint64_t configured_epoch_ = 0;  // that the registry's targets were last told
  std::optional<KeyDigest> admin_digest_;
  uint64_t epoch_ = 0;
  uint64_t hash_seed_ = 0;
  std::vector<AdoptWait> waits_;
  std::vector<ManagementCall*> scrape_queue_;
  ScrapeRound round_;
  uint64_t last_scrape_id_ = 0;
  std::vector<std::pair<LogLevel, std::string>> early_reports_;  // until start()
  bool started_ = false;

  int wake_fd_ = -1;
  std::thread thread_;
  std::mutex command_mutex_;  // guards the six below
  uint32_t drain_timeout_ms_ = 0;
  bool reload_asked_ = false, reopen_asked_ = false, stop_asked_ = false;
  struct Publish {  // on the stack of who waits for it
    LoadedConfig loaded;
    std::expected<void, std::string> result;
    bool done = false;
  };
  std::vector<Publish*> publish_asked_;
  std::condition_variable publish_done_;
};

}  // namespace weir
