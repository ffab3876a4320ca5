#include "proxy/limits.h"

#include <algorithm>
#include <initializer_list>
#include <limits>
#include <optional>
#include <span>

#include "base/check.h"
#include "limit/estimate.h"
#include "limit/format.h"
#include "limit/limit_set.h"
#include "proxy/exchange.h"
#include "proxy/reply.h"
#include "proxy/route_plan.h"
#include "proxy/worker.h"

namespace weir {

namespace {

uint32_t core_of(const Exchange* ex) { return ex->worker->core.core(); }

// What to reserve in the buckets of both; 0 when none of them counts tokens.
int64_t reservation(Exchange* ex, const LimitSet& limits, const LimitSet& more) {
  if (!limits.counts_tokens() && !more.counts_tokens()) return 0;
  if (ex->held.capped >= 0) return ex->held.capped;
  const RequestSize size{.body_bytes = ex->record.request_bytes,
                         .output_cap = ex->view.output_cap,
                         .choices = ex->view.choices(),
                         .has_output = ex->match.endpoint != Endpoint::kEmbeddings};
  if (size.is_open()) {
    const int64_t capacity =
        std::min(limits.smallest_token_capacity(), more.smallest_token_capacity());
    return request_reservation(size, ex->route->output, core_of(ex), capacity);
  }
  ex->held.capped = request_reservation(size, nullptr, core_of(ex), LimitSet::kNoTokens);
  return ex->held.capped;
}

void count_reserved(Exchange* ex, int64_t tokens) {
  ex->worker->metrics.reserved_tokens += static_cast<uint64_t>(tokens);
}

// reserved - refunded = settled once nothing is held any more: what was used beyond the reservation
// counts as reserved late.
void count_closed(Exchange* ex, int64_t reserved, int64_t actual) {
  MetricsBlock& metrics = ex->worker->metrics;
  if (actual > reserved) {
    metrics.reserved_tokens += static_cast<uint64_t>(actual - reserved);
  } else {
    metrics.refunded_tokens += static_cast<uint64_t>(reserved - actual);
  }
  metrics.settled_tokens += static_cast<uint64_t>(actual);
}

int64_t total_of(const Usage& usage) {
  const int64_t sum = std::max<int64_t>(usage.prompt_tokens, 0) +
                      std::max<int64_t>(usage.completion_tokens, 0);
  return std::max(sum, usage.total_tokens);
}

std::string_view refusal_text(const LimitEntry& entry) {
  static constexpr std::string_view kText[4][2] = {
      {"the tenant's limit of requests is used up; try again after the time in Retry-After",
       "the tenant's limit of tokens is used up; try again after the time in Retry-After"},
      {"this key's limit of requests is used up; try again after the time in Retry-After",
       "this key's limit of tokens is used up; try again after the time in Retry-After"},
      {"the provider's limit of requests is used up; try again after the time in Retry-After",
       "the provider's limit of tokens is used up; try again after the time in Retry-After"},
      {"the model's limit of requests is used up; try again after the time in Retry-After",
       "the model's limit of tokens is used up; try again after the time in Retry-After"}};
  return kText[static_cast<size_t>(entry.scope)][static_cast<size_t>(entry.unit)];
}

// How long until the bucket that refused would admit; its level is asked for exactly.
Nanos wait_of(const Exchange* ex, const LimitEntry& entry, int64_t tokens) {
  const Nanos now = ex->worker->now_ns;
  const int64_t wanted = entry.unit == BucketUnit::kTokens ? tokens : 1;
  return entry.bucket->fit_ns(entry.bucket->level(now), wanted, now);
}

void refuse(Exchange* ex, std::string_view message, Nanos wait_ns) {
  UpstreamError error = error_of({Errc::kRateLimited, message});
  error.retry_after_ms = static_cast<int64_t>(retry_after_s(wait_ns)) * 1000;
  reply_error(ex, error);
}

// What to reserve in the buckets that the request as such has to pass.
int64_t request_tokens(Exchange* ex) {
  return reservation(ex, ex->principal->limits, ex->route->limits);
}

// From the buckets of the alias. Empty: taken, or there are none; else the one that refused.
std::optional<LimitEntry> alias_take(Exchange* ex, int64_t tokens) {
  const LimitSet& alias = ex->route->limits;
  if (alias.empty()) return {};
  const int at = alias.take_all(core_of(ex), tokens, ex->worker->now_ns);
  if (at != LimitSet::kPassed) return alias[static_cast<size_t>(at)];
  ex->held.alias = true;
  ex->held.alias_reserved = tokens;
  return {};
}

void note_limited(Exchange* ex, Nanos wait) {
  uint64_t& shortest = ex->held.shortest_wait_ns;
  shortest = ex->held.targets_limited ? std::min(shortest, wait) : wait;
  ex->held.targets_limited = true;
}

}  // namespace

bool limits_admit(Exchange* ex) {
  const LimitSet& who = ex->principal->limits;
  if (who.empty() && ex->route->limits.empty()) return true;
  const int64_t tokens = request_tokens(ex);
  const Nanos now = ex->worker->now_ns;
  if (const int at = who.take_all(core_of(ex), tokens, now); at != LimitSet::kPassed) {
    const LimitEntry refused = who[static_cast<size_t>(at)];
    refuse(ex, refusal_text(refused), wait_of(ex, refused, tokens));
    return false;
  }
  int64_t alias_tokens = tokens;
  while (const auto refused = alias_take(ex, alias_tokens)) {
    if (ex->plan != nullptr && route_plan_next(ex, false)) {
      alias_tokens = request_tokens(ex);
      continue;
    }
    who.refund_all(core_of(ex), tokens, now);
    refuse(ex, refusal_text(*refused), wait_of(ex, *refused, alias_tokens));
    return false;
  }
  ex->held.request = true;
  ex->held.reserved = tokens;
  count_reserved(ex, tokens);
  return true;
}

bool limits_move(Exchange* ex, const Route& from) {
  if (ex->held.alias) {
    from.limits.refund_all(core_of(ex), ex->held.alias_reserved, ex->worker->now_ns);
    ex->held.alias = false;
  }
  const int64_t tokens = request_tokens(ex);
  const auto refused = alias_take(ex, tokens);
  if (!refused) return true;
  note_limited(ex, wait_of(ex, *refused, tokens));
  return false;
}

bool limits_take_target(Exchange* ex, const Target& target) {
  const LimitSet& limits = target.limits;
  if (limits.empty()) return true;
  const int64_t tokens = reservation(ex, limits, limits);
  const int at = limits.take_all(core_of(ex), tokens, ex->worker->now_ns);
  if (at != LimitSet::kPassed) {
    note_limited(ex, wait_of(ex, limits[static_cast<size_t>(at)], tokens));
    return false;
  }
  ex->held.target = true;
  ex->held.target_reserved = tokens;
  count_reserved(ex, tokens);
  return true;
}

void limits_refuse_targets(Exchange* ex) {
  refuse(ex, "every provider of this model has reached its limit; try again after the time in "
             "Retry-After",
         ex->held.shortest_wait_ns);
}

void limits_end_attempt(Exchange* ex, Fault fault) {
  if (!ex->held.target) return;
  ex->held.target = false;
  const LimitSet& limits = ex->target->limits;
  const int64_t reserved = ex->held.target_reserved;
  const Nanos now = ex->worker->now_ns;
  const bool ran = ex->committed || fault == Fault::kNone || fault == Fault::kRequest ||
                   fault == Fault::kClient;
  if (!ran) {
    limits.refund_all(core_of(ex), reserved, now);
    return count_closed(ex, reserved, 0);
  }
  const int64_t actual = limits.counts_tokens() ? total_of(exchange_usage(ex)) : 0;
  limits.settle_all(core_of(ex), reserved, actual, now);
  count_closed(ex, reserved, actual);
}

void limits_end_request(Exchange* ex) {
  const Usage& usage = ex->record.usage;
  if (ex->route != nullptr && ex->route->output != nullptr && usage.completion_tokens > 0 &&
      usage.source == UsageSource::kProvider) {
    ex->route->output->observe(core_of(ex), usage.completion_tokens / ex->view.choices());
  }
  if (!ex->held.request && !ex->held.alias) return;
  const LimitSet& who = ex->principal->limits;
  const LimitSet& alias = ex->route->limits;
  const Nanos now = ex->worker->now_ns;
  // Every target was at its limit, or it failed before a byte was delivered: a stream that broke
  // off later has the status 200.
  const bool nothing = (ex->attempts == 0 && !ex->record.cached) || ex->record.status >= 500;
  const bool counts = who.counts_tokens() || alias.counts_tokens();
  const int64_t actual = counts && !nothing ? total_of(usage) : 0;
  const auto close = [&](const LimitSet& limits, int64_t reserved) {
    if (nothing) return limits.refund_all(core_of(ex), reserved, now);
    limits.settle_all(core_of(ex), reserved, actual, now);
  };
  if (ex->held.alias) close(alias, ex->held.alias_reserved);
  ex->held.alias = false;
  if (!ex->held.request) return;
  ex->held.request = false;
  close(who, ex->held.reserved);
  count_closed(ex, ex->held.reserved, actual);
}

bool limits_shown(const Exchange* ex) {
  if (ex->route == nullptr || ex->principal == nullptr) return false;
  return !ex->principal->limits.empty() || !ex->route->limits.empty() ||
         (ex->target != nullptr && !ex->target->limits.empty());
}

namespace {

// The bucket of one unit with the least left; null where there is none.
struct Tightest {
  const Bucket* bucket = nullptr;
  int64_t left = std::numeric_limits<int64_t>::max();

  void write(LimitLines* lines, HeadWriter* writer, Nanos now) const {
    if (bucket == nullptr) return;
    const int64_t capacity = bucket->capacity();
    writer->cursor = lines->write(writer->cursor, static_cast<uint64_t>(capacity),
                                  static_cast<uint64_t>(std::max<int64_t>(left, 0)),
                                  bucket->fit_ns(left, capacity, now));
  }
};

// `level`: how to ask a bucket.
template <typename Level>
void fields_write(const Exchange* ex, HeadWriter* writer, Level level) {
  Tightest requests, tokens;
  const LimitSet* const target = ex->target != nullptr ? &ex->target->limits : nullptr;
  for (const LimitSet* set : {&ex->principal->limits, &ex->route->limits, target}) {
    if (set == nullptr) break;
    const std::span<Bucket* const> buckets = set->buckets();
    const size_t first_of_tokens = set->requests().size();
    for (size_t i = 0; i < buckets.size(); ++i) {
      Tightest& one = i < first_of_tokens ? requests : tokens;
      const int64_t left = level(*buckets[i]);
      if (left < one.left) one = {buckets[i], left};
    }
  }
  Worker* worker = ex->worker;
  requests.write(&worker->request_lines, writer, worker->now_ns);
  tokens.write(&worker->token_lines, writer, worker->now_ns);
}

}  // namespace

void limits_fields(Exchange* ex, HeadWriter* writer) {
  WEIR_CHECK(static_cast<size_t>(writer->limit - writer->cursor) >= kLimitFieldBytes);
  const Nanos now = ex->worker->now_ns;
  if (ex->record.has_error && ex->record.error == Errc::kRateLimited) {
    return fields_write(ex, writer, [now](Bucket& bucket) { return bucket.level(now); });
  }
  const uint32_t core = core_of(ex);
  fields_write(ex, writer, [=](const Bucket& bucket) { return bucket.level_hint(core, now); });
}

}  // namespace weir
