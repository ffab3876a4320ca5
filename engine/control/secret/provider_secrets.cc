#include "control/secret/provider_secrets.h"

#include <algorithm>

#include "control/config_read.h"
#include "control/config_reference.h"

namespace weir {

namespace {

using Filled = std::expected<void, std::string>;

class Filler {
 public:
  Filler(SecretResolver* resolver, const std::string& base_url, int64_t unix_ms)
      : resolver_(*resolver), base_url_(base_url), unix_ms_(unix_ms) {}

  Filled secret_fill(Secret* secret) const {
    if (secret->reference().empty()) return {};
    const auto reference = reference_parse(secret->reference());
    if (!reference) return std::unexpected(std::string(reference.error()));
    const auto found = resolver_.find(*reference, base_url_, unix_ms_);
    if (found.document == nullptr) {
      return secret->empty() ? Filled(std::unexpected(found.problem)) : Filled();
    }
    auto value = found.document->value(reference->field);
    if (!value) return wrong(secret->reference(), value.error());
    *secret = Secret::referred(secret->reference(), value->reveal());
    return {};
  }

  Filled object_fill(ProviderConfig* provider) const {
    const auto reference = reference_parse(provider->data_reference, true);
    if (!reference) return std::unexpected(std::string(reference.error()));
    const auto found = resolver_.find(*reference, base_url_, unix_ms_);
    if (found.document == nullptr) return std::unexpected(found.problem);
    auto fields = found.document->all(reference->field);
    if (!fields) return wrong(provider->data_reference, fields.error());
    for (auto& [name, value] : *fields) {
      // Others may keep things of their own beside what a provider needs.
      const std::string_view field = provider_data_field(name);
      if (field.empty()) continue;
      SecretDocument one;
      one.text = std::move(value);
      auto checked = one.value("");
      if (!checked) return wrong(provider->data_reference + "#" + name, checked.error());
      if (field == "apikey") {
        provider->api_key = std::move(*checked);
      } else if (field == "base_url") {
        provider->base_url = checked->reveal();
      } else {
        provider->data.emplace_back(field, std::move(*checked));
      }
    }
    provider->data_reference.clear();
    return {};
  }

 private:
  static Filled wrong(const std::string& reference, const char* what) {
    return std::unexpected("the secret " + message_quote(reference) + " " + what);
  }

  SecretResolver& resolver_;
  const std::string& base_url_;
  int64_t unix_ms_;
};

Filled values_fill(const Filler& filler, ProviderConfig* provider) {
  Filled done;
  const auto fill = [&](Secret* secret) {
    auto filled = filler.secret_fill(secret);
    if (!filled && done) done = std::move(filled);
  };
  fill(&provider->api_key);
  for (auto* members : {&provider->data, &provider->headers}) {
    for (auto& [name, value] : *members) fill(&value);
  }
  if (!provider->base_url_reference.empty()) {
    Secret base_url = Secret::referred(provider->base_url_reference, provider->base_url);
    fill(&base_url);
    provider->base_url = base_url.reveal();
  }
  if (!provider->data_reference.empty()) {
    auto filled = filler.object_fill(provider);
    if (!filled && done) done = std::move(filled);
  }
  return done;
}

}  // namespace

std::string provider_not_granted(const SecretsConfig& secrets, const std::string& base_url,
                                 const ProviderConfig& provider) {
  std::vector<std::string> references = {provider.data_reference, provider.base_url_reference,
                                         provider.api_key.reference()};
  for (const auto* members : {&provider.data, &provider.headers}) {
    for (const auto& [name, value] : *members) references.push_back(value.reference());
  }
  for (const std::string& reference : references) {
    if (reference.empty()) continue;
    const bool elsewhere = reference.starts_with("crn:") && !base_url.empty();
    if (elsewhere && !secrets.may_send(provider.tenant, base_url)) return base_url;
    if (provider.path.empty() && !secrets.may_refer(provider.tenant, reference)) return reference;
  }
  return {};
}

bool provider_refers(const ProviderConfig& provider) {
  const auto refers = [](const auto& member) { return !member.second.reference().empty(); };
  return !provider.data_reference.empty() || !provider.base_url_reference.empty() ||
         !provider.api_key.reference().empty() ||
         std::any_of(provider.data.begin(), provider.data.end(), refers) ||
         std::any_of(provider.headers.begin(), provider.headers.end(), refers);
}

Filled provider_fill(SecretResolver* resolver, const ConfigOptions& options, bool deny_private,
                     const std::string& base_url, int64_t unix_ms, ProviderConfig* provider) {
  auto done = values_fill(Filler(resolver, base_url, unix_ms), provider);
  provider->by_reference = true;
  ConfigProblems problems;
  provider_settle(options, deny_private, provider, &problems);
  for (const ConfigProblem& problem : problems.list) {
    if (!problem.warning && done) done = std::unexpected(problem.path + ": " + problem.text);
  }
  if (!done) provider->unavailable = true;
  return done;
}

}  // namespace weir
