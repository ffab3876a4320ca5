// Secrets that the configuration refers to, as a part of the control plane: read before a snapshot
// is built, and a new snapshot when one of them changed.
#include "control/control_plane.h"
#include "control/secret/provider_secrets.h"

namespace weir {

void ControlPlane::secrets_fill(const Config& file, bool wait,
                                std::deque<ProviderConfig>* providers) {
  missing_.clear();
  const auto refer = [&](auto visit) {
    for (ProviderConfig& provider : *providers) {
      if (!provider_refers(provider)) continue;
      const std::string refused = provider_not_granted(
          file.secrets, secrets_place(provider.tenant), provider);
      if (refused.empty()) {
        visit(provider);
        continue;
      }
      provider.by_reference = provider.unavailable = true;
      missing_[provider.uuid] = "its tenant may not use " + message_quote(refused) +
                                ": see secrets.allow";
    }
  };
  if (wait) {
    // A round that starts the reading of what was never read.
    secrets_.begin(file.secrets, file.deny_private_upstreams);
    refer([&](ProviderConfig provider) {
      (void)provider_fill(&secrets_, options_.config, file.deny_private_upstreams,
                          secrets_place(provider.tenant), unix_now_ms(), &provider);
    });
    secrets_wait();
  }
  secrets_.begin(file.secrets, file.deny_private_upstreams);
  refer([&](ProviderConfig& provider) {
    const auto filled =
        provider_fill(&secrets_, options_.config, file.deny_private_upstreams,
                      secrets_place(provider.tenant), unix_now_ms(), &provider);
    if (!filled) missing_[provider.uuid] = filled.error();
  });
}

void ControlPlane::secrets_note(const std::deque<ProviderConfig>& providers,
                                std::map<std::string, std::string> refused) {
  refused.merge(missing_);
  for (const ProviderConfig& provider : providers) {
    const auto now = refused.find(provider.uuid);
    const auto before = withheld_.find(provider.uuid);
    if (now == refused.end()) {
      if (before == withheld_.end()) continue;
      released_.emplace(provider.tenant, provider.name);
      released_epoch_ = epoch_ + 1;
    } else if (now->second.ends_with(SecretResolver::kNotYet)) {
      // Either it is there in a moment, or there will be a reason.
    } else if (before == withheld_.end() || before->second != now->second) {
      report(LogLevel::kWarn,
             "provider " + message_quote(provider.name) + " is not used: " + now->second);
    }
  }
  withheld_ = std::move(refused);
}

std::string ControlPlane::secrets_place(const std::string& tenant) const {
  const TenantObject* found = store_->catalog().tenant(tenant);
  return found == nullptr ? std::string() : found->secrets_manager;
}

// Requests go on with the former snapshot meanwhile, and their records are taken.
void ControlPlane::secrets_wait() {
  constexpr int kStepMs = 20;
  const int64_t until = unix_now_ms() + options_.secret_wait_ms;
  while (secrets_.is_asking() && unix_now_ms() < until) {
    outbound_.wait(-1, kStepMs);
    outbound_.perform();
    (void)secrets_.tick(unix_now_ms());
    ledger_drain();
  }
}

void ControlPlane::secrets_check() {
  if (!released_.empty() && publisher_.adopted(released_epoch_)) {
    // What its targets did without a credential is no reason to spare them.
    for (const Registry::TargetName& target : registry_.targets()) {
      if (released_.contains({target.tenant, target.provider})) target.health->clear();
    }
    released_.clear();
  }
  if (!secrets_.tick(unix_now_ms())) return;
  routing_whole_ = true;
  auto publication = route_changes();
  if (!publication) {
    return report(LogLevel::kError, "a changed secret cannot be used: " + publication.error());
  }
  publish(std::move(*publication));
  secrets_.forget();
}

}  // namespace weir
