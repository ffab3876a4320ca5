#include "control/secret/secret_resolver.h"

#include <sys/stat.h>

#include <algorithm>

#include "control/config_check.h"
#include "control/config_problem.h"

namespace weir {

namespace {

constexpr size_t kMaxInFlight = 16;
// Between two tries of a place that failed, doubled up to the last of these.
constexpr int64_t kAgainMs = 1'000, kMaxAgainMs = 60'000;
constexpr uint32_t kMaxDoublings = 6;
// A file is looked at more often than a place over the network, and read only when it was written.
constexpr int64_t kFileMs = 2'000;
constexpr int64_t kMaxLeaseS = 86'400;

int64_t file_changed_ns(const std::string& path) {
  struct stat info {};
  if (stat(path.c_str(), &info) != 0) return -1;
  return int64_t{info.st_mtim.tv_sec} * 1'000'000'000 + info.st_mtim.tv_nsec + info.st_size +
         static_cast<int64_t>(info.st_ino);
}

std::string place_name(const SecretReference& reference) {
  using Kind = SecretReference::Kind;
  const char* prefix = reference.kind == Kind::kVault         ? "vault:"
                       : reference.kind == Kind::kEnvironment ? "env:"
                       : reference.kind == Kind::kFile        ? "file:"
                                                              : "";
  return prefix + reference.place;
}

}  // namespace

SecretResolver::SecretResolver(Outbound* outbound, std::span<const Adapter* const> adapters,
                               Report report)
    : report_(std::move(report)),
      vault_(outbound),
      secrets_manager_(outbound, adapter_named(adapters, "watsonxai")) {}

void SecretResolver::begin(const SecretsConfig& config, bool deny_private) {
  const bool moved = vault_.configure(config.vault);
  const bool other = secrets_manager_.configure(config.secrets_manager, deny_private);
  refresh_ms_ = config.refresh_ms;
  for (auto& [key, place] : places_) {
    place->used = false;
    if (place->reference.is_remote() && (moved || other)) place->due_unix_ms = 0;
  }
}

void SecretResolver::forget() {
  std::erase_if(places_, [](const auto& entry) { return !entry.second->used; });
}

SecretResolver::Found SecretResolver::find(const SecretReference& reference,
                                           const std::string& base_url, int64_t unix_ms) {
  const std::string name = place_name(reference);
  const Key key{name, base_url};
  std::unique_ptr<Place>& place = places_[key];
  if (place == nullptr) {
    place = std::make_unique<Place>();
    place->reference = reference;
    place->reference.field.clear();
    place->base_url = base_url;
    place->name = name;
    if (!reference.is_remote()) {
      // Who asks has the value at once: that is no news.
      const bool changed = changed_;
      read_here(*place, unix_ms);
      changed_ = changed;
    } else if (in_flight_ < kMaxInFlight) {
      ask(key, *place, unix_ms);
    }
  }
  place->used = true;
  if (place->known) return {&place->document, ""};
  return {nullptr, message_quote(name) + ": " +
                       (place->problem.empty() ? kNotYet : place->problem)};
}

void SecretResolver::ask(const Key& key, Place& place, int64_t unix_ms) {
  place.in_flight = true;
  place.due_unix_ms = unix_ms;
  ++in_flight_;
  auto done = [this, key](std::expected<SecretDocument, std::string> read) {
    finish(key, std::move(read));
  };
  if (place.reference.kind == SecretReference::Kind::kVault) {
    vault_.read(place.reference.place, std::move(done));
  } else {
    secrets_manager_.read(place.reference.place, place.base_url, std::move(done));
  }
}

void SecretResolver::finish(const Key& key, std::expected<SecretDocument, std::string> read) {
  --in_flight_;
  const auto found = places_.find(key);
  if (found == places_.end() || !found->second->in_flight) return;  // forgotten meanwhile
  found->second->in_flight = false;
  take(*found->second, std::move(read), unix_now_ms());
}

void SecretResolver::take(Place& place, std::expected<SecretDocument, std::string> read,
                          int64_t unix_ms) {
  if (!read) {
    ++counters_.failures[SecretCounters::index_of(place.reference.kind)];
    const int64_t pause = std::min(kAgainMs << place.failures, kMaxAgainMs);
    place.failures = std::min(place.failures + 1, kMaxDoublings);
    place.due_unix_ms = unix_ms + std::min<int64_t>(pause, refresh_ms_);
    if (read.error() != place.problem) {
      report_("secret " + message_quote(place.name) + " cannot be read: " + read.error() +
              (place.known ? "; the last good value stays in use" : ""));
    }
    place.problem = std::move(read.error());
    return;
  }
  if (!place.problem.empty()) report_("secret " + message_quote(place.name) + " is read again");
  place.problem.clear();
  place.failures = 0;
  int64_t life = refresh_ms_;
  // Two thirds of a lease, so that the new value is there before the old one ends.
  if (read->lease_s > 0) life = std::min(life, std::min(read->lease_s, kMaxLeaseS) * 667);
  if (!place.reference.is_remote()) life = std::min(life, kFileMs);
  place.due_unix_ms = unix_ms + life;
  if (!place.known || !place.document.same_as(*read)) {
    place.document = std::move(*read);
    changed_ = true;
  }
  place.known = true;
}

// A file or a variable, at once.
void SecretResolver::read_here(Place& place, int64_t unix_ms) {
  place.due_unix_ms = unix_ms + kFileMs;
  const bool is_file = place.reference.kind == SecretReference::Kind::kFile;
  const int64_t changed_ns = is_file ? file_changed_ns(place.reference.place) : 0;
  if (place.known && place.problem.empty() && changed_ns == place.changed_ns) return;
  place.changed_ns = changed_ns;
  auto value = secret_resolve(place.name, "");
  if (!value) return take(place, std::unexpected(value.error()), unix_ms);
  SecretDocument document;
  document.text = Secret(value->value.reveal());
  take(place, std::move(document), unix_ms);
}

bool SecretResolver::tick(int64_t unix_ms) {
  vault_.tick(unix_ms);
  for (auto& [key, place] : places_) {
    if (place->in_flight || unix_ms < place->due_unix_ms) continue;
    if (!place->reference.is_remote()) {
      read_here(*place, unix_ms);
    } else if (in_flight_ < kMaxInFlight) {
      ask(key, *place, unix_ms);
    }
  }
  return std::exchange(changed_, false);
}

bool SecretResolver::is_asking() const {
  return std::any_of(places_.begin(), places_.end(), [](const auto& entry) {
    const Place& place = *entry.second;
    return !place.known && place.problem.empty() && place.reference.is_remote();
  });
}

SecretCounters SecretResolver::counters() const {
  SecretCounters out = counters_;
  for (const auto& [key, place] : places_) {
    if (!place->problem.empty()) ++out.failing[SecretCounters::index_of(place->reference.kind)];
  }
  return out;
}

}  // namespace weir
