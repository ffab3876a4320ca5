// Knows the newest value of every secret that the configuration refers to: reads each place once
// however many refer to it, keeps what it read, and reads it again from time to time.
//
// Use, at each build of a snapshot: begin(), find() for each reference, and, when the snapshot is
// in use, forget(). A find() never waits: for a new place it starts the reading and says that
// there is nothing yet. tick() tells when something changed. A place that fails keeps its last
// good value, and is asked again. Reports hold the reference and the reason, never a value.
// Control thread.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>

#include <weir/adapter.h>

#include "control/config_reference.h"
#include "control/config_vaults.h"
#include "control/outbound.h"
#include "control/secret/secret_counters.h"
#include "control/secret/secret_document.h"
#include "control/secret/secrets_manager_client.h"
#include "control/secret/vault_client.h"

namespace weir {

class SecretResolver {
 public:
  // A line for the operator.
  using Report = std::function<void(const std::string& line)>;

  SecretResolver(Outbound* outbound, std::span<const Adapter* const> adapters, Report report);
  SecretResolver(const SecretResolver&) = delete;
  SecretResolver& operator=(const SecretResolver&) = delete;

  // The end of the problem of a place that is being asked for the first time.
  static constexpr char kNotYet[] = "not read yet";
  struct Found {
    const SecretDocument* document = nullptr;  // until the next begin() or tick()
    std::string problem;                       // why there is none; "" where there is one
  };
  void begin(const SecretsConfig& config, bool deny_private);
  // `base_url` is where the tenant's Secrets Manager is; empty: as configured.
  [[nodiscard]] Found find(const SecretReference& reference, const std::string& base_url,
                           int64_t unix_ms);
  // What was not asked for since begin().
  void forget();

  // Reads what is due. True once after a value changed or was had for the first time.
  [[nodiscard]] bool tick(int64_t unix_ms);
  // Whether a place that has no value yet is being asked.
  [[nodiscard]] bool is_asking() const;
  [[nodiscard]] SecretCounters counters() const;
  [[nodiscard]] size_t places() const { return places_.size(); }

 private:
  struct Place {
    SecretReference reference;  // without the field
    std::string base_url;
    std::string name;           // for reports
    SecretDocument document;
    bool known = false;
    bool used = false;          // in this round
    bool in_flight = false;
    std::string problem;        // of the last try; empty when it was good
    uint32_t failures = 0;      // in a row
    int64_t due_unix_ms = 0;
    int64_t changed_ns = 0;     // of a file: when it was written
  };
  using Key = std::pair<std::string, std::string>;  // the place and the base URL

  void ask(const Key& key, Place& place, int64_t unix_ms);
  void finish(const Key& key, std::expected<SecretDocument, std::string> read);
  void take(Place& place, std::expected<SecretDocument, std::string> read, int64_t unix_ms);
  void read_here(Place& place, int64_t unix_ms);

  Report report_;
  VaultClient vault_;
  SecretsManagerClient secrets_manager_;
  uint32_t refresh_ms_ = 0;
  std::map<Key, std::unique_ptr<Place>> places_;
  size_t in_flight_ = 0;
  bool changed_ = false;
  SecretCounters counters_;  // but for those that fail now
};

}  // namespace weir
