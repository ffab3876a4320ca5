#include "control/metrics.h"

#include <cstdio>
#include <map>

#include "control/record_words.h"

namespace weir {

namespace {

void histogram_add(Histogram* sum, const Histogram& one) {
  for (size_t i = 0; i < sum->count.size(); ++i) sum->count[i] += one.count[i];
  sum->sum_us += one.sum_us;
}

std::string label(std::string_view name, std::string_view value) {
  std::string out(name);
  out += "=\"";
  for (const char c : value) {
    if (c == '\n') {
      out += "\\n";
    } else {
      if (c == '"' || c == '\\') out += '\\';
      out += c;
    }
  }
  return out + '"';
}

// Samples of one metric by their labels, so that equal labels are summed.
using Samples = std::map<std::string, uint64_t>;

class Page {
 public:
  void head(std::string_view name, std::string_view type, std::string_view help) {
    text_ += "# HELP " + std::string(name) + " " + std::string(help) + "\n# TYPE " +
             std::string(name) + " " + std::string(type) + "\n";
  }
  void sample(std::string_view name, const std::string& labels, const std::string& value) {
    text_ += name;
    if (!labels.empty()) text_ += "{" + labels + "}";
    text_ += " " + value + "\n";
  }
  void all(std::string_view name, std::string_view type, std::string_view help,
           const Samples& samples) {
    head(name, type, help);
    for (const auto& [labels, value] : samples) sample(name, labels, std::to_string(value));
  }
  void one(std::string_view name, std::string_view type, std::string_view help, uint64_t value) {
    all(name, type, help, {{"", value}});
  }
  void histogram(std::string_view name, const std::string& labels, const Histogram& histogram) {
    const std::string comma = labels.empty() ? "" : labels + ",";
    uint64_t below = 0;
    char text[48];
    for (size_t i = 0; i < Histogram::kBuckets; ++i) {
      below += histogram.count[i];
      std::snprintf(text, sizeof text, "%.9g", static_cast<double>(Histogram::bound_us(i)) / 1e6);
      sample(std::string(name) + "_bucket", comma + label("le", text), std::to_string(below));
    }
    below += histogram.count[Histogram::kBuckets];
    sample(std::string(name) + "_bucket", comma + label("le", "+Inf"), std::to_string(below));
    std::snprintf(text, sizeof text, "%.6f", static_cast<double>(histogram.sum_us) / 1e6);
    sample(std::string(name) + "_sum", labels, text);
    sample(std::string(name) + "_count", labels, std::to_string(below));
  }
  [[nodiscard]] std::string take() { return std::move(text_); }

 private:
  std::string text_;
};

std::string request_labels(std::string_view alias, std::string_view target, Outcome outcome) {
  return label("alias", alias) + "," + label("target", target) + "," +
         label("outcome", outcome_name(outcome));
}

void series_render(const SeriesCounters& series, std::string_view alias, std::string_view target,
                   Samples* requests, Samples* tokens) {
  static constexpr std::string_view kKinds[] = {"prompt", "completion", "cached", "reasoning"};
  // With thousands of models most pairs of a name and a target have nothing to tell.
  if (series.completed + series.failed + series.cancelled == 0) return;
  (*requests)[request_labels(alias, target, Outcome::kCompleted)] += series.completed;
  (*requests)[request_labels(alias, target, Outcome::kFailed)] += series.failed;
  (*requests)[request_labels(alias, target, Outcome::kCancelled)] += series.cancelled;
  const std::array<uint64_t, 4>* counts[] = {&series.prompt, &series.completion, &series.cached,
                                             &series.reasoning};
  for (size_t kind = 0; kind < 4; ++kind) {
    for (size_t source = 0; source < 4; ++source) {
      const uint64_t value = (*counts[kind])[source];
      if (value == 0) continue;
      (*tokens)[label("alias", alias) + "," + label("target", target) + "," +
                label("kind", kKinds[kind]) + "," +
                label("source", usage_source_name(static_cast<UsageSource>(source)))] += value;
    }
  }
}

// What belongs to no target, or to none that is still there, has empty labels.
void requests_render(const MetricsBlock& sum, const Registry& registry, Page* page) {
  Samples requests, tokens;
  for (size_t i = 0; i < sum.series.size() && i < registry.series().size(); ++i) {
    const auto& name = registry.series()[i];
    if (!name.used) continue;
    series_render(sum.series[i], name.alias, registry.targets()[name.target].id, &requests,
                  &tokens);
  }
  series_render(sum.gone_series, "", "", &requests, &tokens);
  for (size_t i = 0; i < sum.refused.size() && i < registry.routes().size(); ++i) {
    if (sum.refused[i] == 0) continue;
    requests[request_labels(registry.routes()[i].name, "", Outcome::kRefused)] += sum.refused[i];
  }
  requests[request_labels("", "", Outcome::kRefused)] += sum.refused_unrouted + sum.gone_refused;
  requests[request_labels("", "", Outcome::kCompleted)] += sum.unrouted_completed;
  requests[request_labels("", "", Outcome::kFailed)] += sum.unrouted_failed;
  requests[request_labels("", "", Outcome::kCancelled)] += sum.unrouted_cancelled;
  page->all("weir_requests_total", "counter", "Finished inference requests.", requests);
  page->one("weir_requests_accepted_total", "counter",
            "Requests accepted: completed, failed, cancelled and in flight.", sum.accepted);
  page->one("weir_requests_in_flight", "gauge", "Accepted requests under way.", sum.in_flight);
  page->all("weir_tokens_total", "counter", "Tokens by kind and by who counted them.", tokens);
  page->one("weir_reserved_tokens_total", "counter", "Tokens reserved in buckets.",
            sum.reserved_tokens);
  page->one("weir_refunded_tokens_total", "counter", "Reserved tokens given back.",
            sum.refunded_tokens);
  page->one("weir_settled_tokens_total", "counter", "Reserved tokens that were used.",
            sum.settled_tokens);
}

void attempts_render(const TargetCounters& counters, const std::string& target,
                     Samples* attempts, Samples* inflight) {
  (*attempts)[target + "," + label("result", "ok")] += counters.attempts_ok;
  (*attempts)[target + "," + label("result", "failed")] += counters.attempts_failed;
  (*attempts)[target + "," + label("result", "rejected")] += counters.attempts_rejected;
  (*attempts)[target + "," + label("result", "cancelled")] += counters.attempts_cancelled;
  (*inflight)[target] += counters.inflight;
}

void targets_render(const MetricsBlock& sum, const Registry& registry, Millis now, Page* page) {
  Samples attempts, suspended, suspensions, inflight;
  const auto& names = registry.targets();
  for (size_t i = 0; i < names.size(); ++i) {
    if (names[i].health == nullptr) continue;
    const std::string target = label("target", names[i].id);
    if (i < sum.targets.size()) attempts_render(sum.targets[i], target, &attempts, &inflight);
    suspensions[target] += names[i].health->suspensions();
    if (names[i].configured) suspended[target] += names[i].health->suspended(now) ? 1 : 0;
  }
  attempts_render(sum.gone_targets, label("target", ""), &attempts, &inflight);
  page->all("weir_upstream_attempts_total", "counter", "Attempts at targets by result.", attempts);
  page->all("weir_upstream_in_flight", "gauge", "Attempts under way.", inflight);
  page->all("weir_target_suspended", "gauge", "1 while a target gets no requests.", suspended);
  page->all("weir_target_suspensions_total", "counter", "How often a target was suspended.",
            suspensions);
}

void stages_render(const MetricsBlock& sum, Page* page) {
  page->head("weir_stage_seconds", "histogram", "Time of a request by stage.");
  for (size_t i = 0; i < kStages; ++i) {
    page->histogram("weir_stage_seconds", label("stage", stage_name(i)), sum.stages[i]);
  }
  page->head("weir_request_seconds", "histogram", "Whole time of a request.");
  page->histogram("weir_request_seconds", "", sum.total);
  page->head("weir_overhead_seconds", "histogram",
             "Time of a request without connecting to and waiting for the upstream.");
  page->histogram("weir_overhead_seconds", "", sum.overhead);
}

uint64_t difference(uint64_t all, uint64_t part) { return all > part ? all - part : 0; }

void connections_render(const MetricsBlock& sum, Page* page) {
  const auto place = [](std::string_view side, std::string_view state) {
    return label("side", side) + "," + label("state", state);
  };
  page->all("weir_connections", "gauge", "Open connections.",
            {{place("client", "active"), difference(sum.client_connections, sum.client_idle)},
             {place("client", "idle"), sum.client_idle},
             {place("upstream", "active"), difference(sum.upstream_connections, sum.upstream_idle)},
             {place("upstream", "idle"), sum.upstream_idle}});
  page->all("weir_connections_opened_total", "counter", "Connections accepted or opened.",
            {{label("side", "client"), sum.client_accepted},
             {label("side", "upstream"), sum.upstream_opened}});
  page->one("weir_connections_refused_total", "counter", "Client connections refused.",
            sum.client_refused);
  page->one("weir_connection_waiters", "gauge", "Requests that wait for a connection.",
            sum.waiting_for_connection);
  page->one("weir_connection_queue_full_total", "counter",
            "Requests refused because too many wait for a connection.", sum.wait_queue_full);
}

}  // namespace

void metrics_add(MetricsBlock* sum, const MetricsBlock& one) {
  if (sum->series.size() < one.series.size()) sum->series.resize(one.series.size());
  for (size_t i = 0; i < one.series.size(); ++i) counters_add(&sum->series[i], one.series[i]);
  counters_add(&sum->gone_series, one.gone_series);
  if (sum->targets.size() < one.targets.size()) sum->targets.resize(one.targets.size());
  for (size_t i = 0; i < one.targets.size(); ++i) {
    counters_add(&sum->targets[i], one.targets[i]);
  }
  counters_add(&sum->gone_targets, one.gone_targets);
  if (sum->refused.size() < one.refused.size()) sum->refused.resize(one.refused.size());
  for (size_t i = 0; i < one.refused.size(); ++i) sum->refused[i] += one.refused[i];
  static constexpr uint64_t MetricsBlock::*kNumbers[] = {
      &MetricsBlock::gone_refused,
      &MetricsBlock::refused_unrouted, &MetricsBlock::unrouted_completed,
      &MetricsBlock::unrouted_failed, &MetricsBlock::unrouted_cancelled, &MetricsBlock::accepted,
      &MetricsBlock::in_flight, &MetricsBlock::management_requests, &MetricsBlock::retries,
      &MetricsBlock::replays, &MetricsBlock::retry_budget_exhausted, &MetricsBlock::ledger_dropped,
      &MetricsBlock::cache_hits, &MetricsBlock::cache_misses,
      &MetricsBlock::reserved_tokens, &MetricsBlock::refunded_tokens,
      &MetricsBlock::settled_tokens,
      &MetricsBlock::client_connections, &MetricsBlock::client_idle, &MetricsBlock::client_accepted,
      &MetricsBlock::client_refused, &MetricsBlock::upstream_connections,
      &MetricsBlock::upstream_idle, &MetricsBlock::upstream_opened,
      &MetricsBlock::waiting_for_connection, &MetricsBlock::wait_queue_full,
      &MetricsBlock::buffered_bytes, &MetricsBlock::buffer_refused, &MetricsBlock::write_stalls,
      &MetricsBlock::client_timeouts, &MetricsBlock::jwt_checks, &MetricsBlock::jwt_refused,
      &MetricsBlock::sign_in_waits, &MetricsBlock::bytes_from_clients,
      &MetricsBlock::bytes_to_clients};
  for (const auto number : kNumbers) sum->*number += one.*number;
  for (size_t i = 0; i < kStages; ++i) histogram_add(&sum->stages[i], one.stages[i]);
  histogram_add(&sum->total, one.total);
  histogram_add(&sum->overhead, one.overhead);
}

namespace {

void cache_render(const MetricsBlock& sum, const CacheCounters& cache, Page* page) {
  page->all("weir_cache_requests_total", "counter", "Requests that asked for the reply cache.",
            {{label("result", "hit"), sum.cache_hits},
             {label("result", "miss"), sum.cache_misses}});
  page->one("weir_cache_bytes", "gauge", "Memory of kept replies.", cache.bytes);
  page->one("weir_cache_entries", "gauge", "Kept replies.", cache.entries);
  page->one("weir_cache_stored_total", "counter", "Replies put into the cache.", cache.stored);
  page->all("weir_cache_dropped_total", "counter", "Replies that were not kept, or no longer.",
            {{label("reason", "space"), cache.evicted},
             {label("reason", "age"), cache.expired},
             {label("reason", "too_large"), cache.too_large}});
}

void secrets_render(const ControlCounters& control, Page* page) {
  Samples failing, failures;
  for (size_t i = 0; i < SecretCounters::kKinds.size(); ++i) {
    const std::string kind = label("kind", SecretCounters::kKinds[i]);
    failing[kind] = control.secrets.failing[i];
    failures[kind] = control.secrets.failures[i];
  }
  page->all("weir_secrets_failing", "gauge", "References that cannot be read for now.", failing);
  page->all("weir_secret_read_failures_total", "counter", "Tries to read one that failed.",
            failures);
  page->one("weir_providers_withheld", "gauge",
            "Providers not used because their credentials cannot be had.",
            control.providers_withheld);
}

void changes_render(const ControlCounters& control, Page* page) {
  constexpr std::string_view kName = "weir_management_batch_size";
  page->head(kName, "summary", "Management calls that were written together.");
  page->sample(std::string(kName) + "_sum", "", std::to_string(control.writes));
  page->sample(std::string(kName) + "_count", "", std::to_string(control.write_batches));
  page->all("weir_config_reloads_total", "counter", "Reloads of the configuration.",
            {{label("result", "ok"), control.reloads_ok},
             {label("result", "failed"), control.reloads_failed}});
}

}  // namespace

std::string metrics_render(const MetricsBlock& sum, const ControlCounters& control,
                           const Registry& registry, Millis now) {
  Page page;
  requests_render(sum, registry, &page);
  targets_render(sum, registry, now, &page);
  stages_render(sum, &page);
  connections_render(sum, &page);
  struct Plain {
    std::string_view name, type, help;
    uint64_t value;
  };
  const Plain plain[] = {
      {"weir_management_requests_total", "counter", "Requests to Weir's own routes.",
       sum.management_requests},
      {"weir_retries_total", "counter", "Attempts after the first.", sum.retries},
      {"weir_replays_total", "counter", "Requests sent again after a stale connection.",
       sum.replays},
      {"weir_retry_budget_exhausted_total", "counter", "Retries not made for want of budget.",
       sum.retry_budget_exhausted},
      {"weir_ledger_dropped_total", "counter", "Records lost because a ring was full.",
       sum.ledger_dropped},
      {"weir_access_log_dropped_total", "counter", "Log lines that could not be written.",
       control.access_log_dropped},
      {"weir_buffered_bytes", "gauge", "Bodies and replies held.", sum.buffered_bytes},
      {"weir_buffer_refused_total", "counter", "Requests refused for want of buffer space.",
       sum.buffer_refused},
      {"weir_write_stalls_total", "counter", "Clients cut because they read nothing.",
       sum.write_stalls},
      {"weir_client_timeouts_total", "counter", "Clients cut because they sent too slowly.",
       sum.client_timeouts},
      {"weir_jwt_checks_total", "counter", "Tokens that were looked at anew.", sum.jwt_checks},
      {"weir_jwt_refused_total", "counter", "Tokens that were refused.", sum.jwt_refused},
      {"weir_sign_in_waits_total", "counter",
       "Requests that waited for the record of their caller or for an issuer's keys.",
       sum.sign_in_waits},
      {"weir_client_received_bytes_total", "counter", "Bytes from clients.",
       sum.bytes_from_clients},
      {"weir_client_sent_bytes_total", "counter", "Bytes to clients.", sum.bytes_to_clients},
      {"weir_config_epoch", "gauge", "Number of the configuration in use.", control.epoch},
      {"weir_retired_records", "gauge", "Old routes and keys still in use by requests.",
       control.retired},
      {"weir_workers", "gauge", "Worker threads.", control.workers},
      {"weir_usage_waiting", "gauge", "Sums of usage that are not on disk yet.",
       control.usage_waiting},
      {"weir_usage_flush_failures_total", "counter", "Times that usage could not be written.",
       control.usage_flush_failures},
      {"weir_usage_lost_total", "counter", "Requests that the usage store could not count.",
       control.usage_lost},
      {"weir_usage_misdated_total", "counter", "Requests counted in another minute.",
       control.usage_misdated},
      {"weir_token_exchanges_total", "counter", "Credentials exchanged for short-lived tokens.",
       control.token_exchanges},
      {"weir_sign_ins_total", "counter", "Tokens that were given for an API key.",
       control.sign_in.issued},
      {"weir_sign_ins_refused_total", "counter", "Attempts to sign in without a good key.",
       control.sign_in.refused},
      {"weir_callers", "gauge", "Callers who signed in at an issuer of auth.oidc.",
       control.sign_in.callers},
      {"weir_jwks_fetches_total", "counter", "Times that an issuer's keys were asked for.",
       control.sign_in.fetches},
      {"weir_jwks_fetch_failures_total", "counter", "Times that they could not be had.",
       control.sign_in.fetch_failures},
  };
  for (const Plain& one : plain) page.one(one.name, one.type, one.help, one.value);
  cache_render(sum, control.cache, &page);
  secrets_render(control, &page);
  changes_render(control, &page);
  return page.take();
}

}  // namespace weir
