#include "proxy/limits.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <limits>
#include <span>

#include "base/check.h"
#include "json/json_write.h"
#include "limit/estimate.h"
#include "limit/format.h"
#include "limit/limit_set.h"
#include "proxy/exchange.h"
#include "proxy/reply.h"
#include "proxy/route_plan.h"
#include "proxy/worker.h"

namespace weir {

namespace {

constexpr int64_t kNoTokens = std::numeric_limits<int64_t>::max();

uint32_t core_of(const Exchange* ex) { return ex->worker->core.core(); }

// What to reserve in buckets of that smallest capacity; 0 when none of them counts tokens.
int64_t reservation(const Exchange* ex, int64_t capacity) {
  if (capacity == kNoTokens) return 0;
  const RequestSize size{.body_bytes = ex->record.request_bytes,
                         .output_cap = ex->view.output_cap,
                         .choices = ex->view.choices(),
                         .has_output = ex->match.endpoint != Endpoint::kEmbeddings};
  return request_reservation(size, ex->route->output, core_of(ex), capacity);
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

// The smallest bucket of tokens that the request as such has to pass.
int64_t request_capacity(const Exchange* ex) {
  return std::min(ex->principal->limits.smallest_token_capacity(),
                  ex->route->limits.smallest_token_capacity());
}

// From the buckets of the alias. Null: taken, or there are none; else the one that refused.
const LimitEntry* alias_take(Exchange* ex) {
  const LimitSet& alias = ex->route->limits;
  if (alias.empty()) return nullptr;
  const int64_t tokens = reservation(ex, request_capacity(ex));
  const int at = alias.take_all(core_of(ex), tokens, ex->worker->now_ns);
  if (at != LimitSet::kPassed) return &alias[static_cast<size_t>(at)];
  ex->held.alias = true;
  ex->held.alias_reserved = tokens;
  return nullptr;
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
  const int64_t tokens = reservation(ex, request_capacity(ex));
  const Nanos now = ex->worker->now_ns;
  if (const int at = who.take_all(core_of(ex), tokens, now); at != LimitSet::kPassed) {
    const LimitEntry& refused = who[static_cast<size_t>(at)];
    refuse(ex, refusal_text(refused), wait_of(ex, refused, tokens));
    return false;
  }
  while (const LimitEntry* refused = alias_take(ex)) {
    if (ex->plan != nullptr && route_plan_next(ex, false)) continue;
    who.refund_all(core_of(ex), tokens, now);
    refuse(ex, refusal_text(*refused), wait_of(ex, *refused, tokens));
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
  const LimitEntry* refused = alias_take(ex);
  if (refused == nullptr) return true;
  note_limited(ex, wait_of(ex, *refused, reservation(ex, request_capacity(ex))));
  return false;
}

bool limits_take_target(Exchange* ex, const Target& target) {
  const LimitSet& limits = target.limits;
  if (limits.empty()) return true;
  const int64_t tokens = reservation(ex, limits.smallest_token_capacity());
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
  const int64_t actual =
      limits.smallest_token_capacity() == kNoTokens ? 0 : total_of(exchange_usage(ex));
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
  const bool counts = who.smallest_token_capacity() != kNoTokens ||
                      alias.smallest_token_capacity() != kNoTokens;
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

// The bucket with the least left, of one unit.
struct Tightest {
  Bucket* bucket = nullptr;
  int64_t left = 0;
  bool exact = false;

  void look(const LimitSet& limits, BucketUnit unit, uint32_t core, Nanos now) {
    for (const LimitEntry& entry : limits) {
      if (entry.unit != unit) continue;
      const int64_t level =
          exact ? entry.bucket->level(now) : entry.bucket->level_hint(core, now);
      if (bucket != nullptr && level >= left) continue;
      bucket = entry.bucket;
      left = level;
    }
  }
};

class Lines {
 public:
  explicit Lines(char* at) : begin_(at), at_(at) {}
  void add(std::string_view text) {
    std::memcpy(at_, text.data(), text.size());
    at_ += text.size();
  }
  void add(std::string_view name, uint64_t value) {
    add(name);
    at_ = write_number(at_, value);
    add("\r\n");
  }
  [[nodiscard]] std::string_view text() const {
    return {begin_, static_cast<size_t>(at_ - begin_)};
  }

 private:
  char* begin_;
  char* at_;
};

uint64_t shown(int64_t level) { return static_cast<uint64_t>(std::max<int64_t>(level, 0)); }

}  // namespace

std::string_view limits_fields(Exchange* ex) {
  if (!limits_shown(ex)) return {};
  constexpr size_t kRoom = 512;
  static constexpr std::string_view kNames[2][3] = {
      {"x-ratelimit-limit-requests: ", "x-ratelimit-remaining-requests: ",
       "x-ratelimit-reset-requests: "},
      {"x-ratelimit-limit-tokens: ", "x-ratelimit-remaining-tokens: ",
       "x-ratelimit-reset-tokens: "}};
  const Nanos now = ex->worker->now_ns;
  char* const memory = ex->arena.allocate(kRoom);
  Lines lines(memory);
  for (const BucketUnit unit : {BucketUnit::kRequests, BucketUnit::kTokens}) {
    Tightest tightest;
    tightest.exact = ex->record.has_error && ex->record.error == Errc::kRateLimited;
    tightest.look(ex->principal->limits, unit, core_of(ex), now);
    tightest.look(ex->route->limits, unit, core_of(ex), now);
    if (ex->target != nullptr) tightest.look(ex->target->limits, unit, core_of(ex), now);
    if (tightest.bucket == nullptr) continue;
    const auto& names = kNames[static_cast<size_t>(unit)];
    const int64_t capacity = tightest.bucket->capacity();
    lines.add(names[0], shown(capacity));
    lines.add(names[1], shown(tightest.left));
    lines.add(names[2]);
    lines.add(reset_text(tightest.bucket->fit_ns(tightest.left, capacity, now)).view());
    lines.add("\r\n");
    if (unit == BucketUnit::kRequests) {
      lines.add("x-requests-limit-remaining: ", shown(tightest.left));
    }
  }
  WEIR_CHECK(lines.text().size() <= kRoom);
  return lines.text();
}

}  // namespace weir
