// One thread's part of deciding: the scan, the choice, and what an outcome means. The steps are
// those of proxy/exchange.cc and proxy/limits.cc, without anything to wait for.
#include <algorithm>
#include <limits>
#include <optional>
#include <utility>

#include "base/check.h"
#include "base/pool.h"
#include "decide/router_parts.h"
#include "json/request_scan.h"
#include "limit/estimate.h"
#include "route/access.h"
#include "route/decide.h"
#include "route/health.h"

namespace weir {

static_assert(Decider::kPadding == RequestScanner::kPadding);

// What a decision under way holds.
struct Decision::Held {
  Decider::Parts* decider = nullptr;
  std::shared_ptr<const Snapshot> snapshot;
  const Principal* principal = nullptr;
  const Route* route = nullptr;
  RequestSize size;
  Endpoint endpoint = Endpoint::kChat;
  Tried tried;
  const TargetSet* excluded = nullptr;  // by policies; lives with the principal
  Pick pick;
  bool running = false;          // an attempt at `pick` is open
  Millis attempt_started = 0;
  int64_t reserved = 0;          // of principal and route
  int64_t target_reserved = 0;
  bool targets_limited = false;
  uint64_t shortest_wait_ns = 0;
};

struct Decider::Parts {
  Parts(Router::Parts* the_router, uint32_t thread)
      : router(the_router), core(thread, the_router->threads, the_router->seed) {
    core.share(&router->inflight);
  }

  Router::Parts* const router;
  std::shared_ptr<const Snapshot> snapshot;
  uint64_t seen = 0;  // version of router->newest
  CoreState core;
  RequestScanner scanner;
  Pool<Decision::Held> pool{64};
  uint64_t last_now_ns = 0;  // for decisions that are dropped without a time

  void adopt();
  [[nodiscard]] Result<void> admit(const Question& question, Decision::Held* held);
  bool take_limits(Decision::Held* held, Decision* out, uint64_t now_ns);
  [[nodiscard]] std::expected<Pick, NoTarget> choose(const Decision::Held& held, Millis now);
  bool next_target(Decision::Held* held, Decision* out, uint64_t now_ns);
  bool take_target(Decision::Held* held, const Target& target, uint64_t now_ns);
  void end_attempt(Decision::Held* held, const AttemptOutcome& outcome, Fault fault);
  void end_request(Decision::Held* held, const AttemptOutcome& outcome, bool ran);
};

namespace {

constexpr int64_t kNoTokens = std::numeric_limits<int64_t>::max();

int64_t wait_ms(uint64_t ns) {
  return static_cast<int64_t>((ns + kNanosPerMilli - 1) / kNanosPerMilli);
}

uint64_t wait_of(const LimitEntry& entry, int64_t tokens, uint64_t now_ns) {
  const int64_t wanted = entry.unit == BucketUnit::kTokens ? tokens : 1;
  return entry.bucket->fit_ns(entry.bucket->level(now_ns), wanted, now_ns);
}

void refuse(Decision* out, Errc code, std::string_view message, int64_t retry_after_ms = -1) {
  out->verdict = Verdict::kRefused;
  out->error = {code, message};
  out->retry_after_ms = retry_after_ms;
  out->place = {};
}

int64_t total_of(const Usage& usage) {
  const int64_t sum = std::max<int64_t>(usage.prompt_tokens, 0) +
                      std::max<int64_t>(usage.completion_tokens, 0);
  return std::max(sum, usage.total_tokens);
}

Destination place_of(const Target& target, bool probe) {
  const Provider& provider = *target.provider;
  return {.provider = provider.name,
          .provider_type = provider.type,
          .tenant = provider.tenant,
          .authority = provider.authority,
          .base_path = provider.base_path,
          .tls = provider.tls,
          .model = target.model,
          .model_json = target.model_json,
          .probe = probe};
}

}  // namespace

void Decider::Parts::adopt() {
  if (!router->newest.take_newer(&snapshot, &seen)) return;
  core.adopt(*snapshot);
}

Result<void> Decider::Parts::admit(const Question& question, Decision::Held* held) {
  const KeyDigest& key = question.key != nullptr ? *question.key : kOwnerKey;
  const Principal* who = snapshot->find_principal(key);
  const bool expired = who != nullptr && who->expires_unix_s != 0 &&
                       who->expires_unix_s <= question.unix_s;
  if (who == nullptr || expired || (question.key != nullptr && key == kOwnerKey)) {
    return std::unexpected(Error{Errc::kUnauthorized, "no valid key"});
  }
  const Route* route =
      snapshot->find_route(who->tenant, who->environment, question.request->model);
  if (route == nullptr) {
    return std::unexpected(Error{Errc::kModelNotFound, "there is no model of that name", "model"});
  }
  const Permit permit = permit_of(*who, *route);
  if (!permit.allowed) {
    return std::unexpected(Error{Errc::kAccessDenied, "this key may not use that model", "model"});
  }
  if ((route->endpoints & endpoint_bit(question.endpoint)) == 0) {
    return std::unexpected(
        Error{Errc::kUnsupportedEndpoint, "no provider of this model serves that endpoint"});
  }
  if (permit.excluded != nullptr && !serves_without(*route, question.endpoint, *permit.excluded)) {
    return std::unexpected(Error{Errc::kAccessDenied, "this key may not use the providers of that "
                                                      "model that serve this endpoint", "model"});
  }
  held->excluded = permit.excluded;
  held->principal = who;
  held->route = route;
  return {};
}

bool Decider::Parts::take_limits(Decision::Held* held, Decision* out, uint64_t now_ns) {
  const LimitSet& who = held->principal->limits;
  const LimitSet& alias = held->route->limits;
  if (who.empty() && alias.empty()) return true;
  const int64_t capacity =
      std::min(who.smallest_token_capacity(), alias.smallest_token_capacity());
  if (capacity != kNoTokens) {
    held->reserved = request_reservation(held->size, held->route->output, core.core(), capacity);
  }
  std::optional<LimitEntry> refused;
  if (const int at = who.take_all(core.core(), held->reserved, now_ns); at != LimitSet::kPassed) {
    refused = who[static_cast<size_t>(at)];
  } else if (const int on = alias.take_all(core.core(), held->reserved, now_ns);
             on != LimitSet::kPassed) {
    who.refund_all(core.core(), held->reserved, now_ns);
    refused = alias[static_cast<size_t>(on)];
  }
  if (!refused) return true;
  refuse(out, Errc::kRateLimited, "a limit of the tenant, the key or the model is used up",
         wait_ms(wait_of(*refused, held->reserved, now_ns)));
  return false;
}

bool Decider::Parts::take_target(Decision::Held* held, const Target& target, uint64_t now_ns) {
  const LimitSet& limits = target.limits;
  held->target_reserved = 0;
  if (limits.empty()) return true;
  const int64_t capacity = limits.smallest_token_capacity();
  if (capacity != kNoTokens) {
    held->target_reserved =
        request_reservation(held->size, held->route->output, core.core(), capacity);
  }
  const int at = limits.take_all(core.core(), held->target_reserved, now_ns);
  if (at == LimitSet::kPassed) return true;
  const uint64_t wait = wait_of(limits[static_cast<size_t>(at)], held->target_reserved, now_ns);
  held->shortest_wait_ns =
      held->targets_limited ? std::min(held->shortest_wait_ns, wait) : wait;
  held->targets_limited = true;
  return false;
}

std::expected<Pick, NoTarget> Decider::Parts::choose(const Decision::Held& held, Millis now) {
  if (held.excluded == nullptr) {
    return weir::decide(*held.route, core, held.tried, held.endpoint, now);
  }
  const Narrowing narrowing{.excluded = *held.excluded};
  return weir::decide(*held.route, core, held.tried, held.endpoint, now, &narrowing);
}

// A target whose limits are used up is left out, as if it had been tried.
bool Decider::Parts::next_target(Decision::Held* held, Decision* out, uint64_t now_ns) {
  const Route& route = *held->route;
  const Millis now = now_ns / kNanosPerMilli;
  for (;;) {
    const auto pick = choose(*held, now);
    if (!pick) {
      if (held->targets_limited) {
        refuse(out, Errc::kRateLimited, "every provider of this model has reached its limit",
               wait_ms(held->shortest_wait_ns));
      } else {
        refuse(out, Errc::kNoBackend, "every target of this model is suspended after failures",
               static_cast<int64_t>(pick.error().retry_after_ms));
      }
      return false;
    }
    const Target& target = route.targets[pick->index];
    held->tried.set(pick->index);
    if (!take_target(held, target, now_ns)) {
      if (pick->probe) target.health->probe_abandoned();
      continue;
    }
    held->pick = *pick;
    held->running = true;
    held->attempt_started = now;
    core.inflight_begin(target.slot);
    ++out->attempts;
    out->verdict = Verdict::kGo;
    out->place = place_of(target, pick->probe);
    return true;
  }
}

void Decider::Parts::end_attempt(Decision::Held* held, const AttemptOutcome& outcome, Fault fault) {
  const Target& target = held->route->targets[held->pick.index];
  held->running = false;
  core.inflight_end(target.slot);
  const Millis now = outcome.now_ns / kNanosPerMilli;
  const TargetHealth::Attempt attempt{.started = held->attempt_started, .probe = held->pick.probe};
  const bool blameless = fault == Fault::kClient || fault == Fault::kGateway;
  const bool good = fault == Fault::kNone || fault == Fault::kRequest;
  if (good) {
    target.health->on_success(attempt);
  } else if (!blameless) {
    target.health->on_fault(attempt, fault, held->route->suspend_ms, outcome.retry_after_ms, now);
  } else if (held->pick.probe) {
    target.health->probe_abandoned();
  }
  const bool ran = outcome.delivered || good || fault == Fault::kClient;
  if (target.limits.empty()) return;
  if (!ran) {
    target.limits.refund_all(core.core(), held->target_reserved, outcome.now_ns);
    return;
  }
  const bool counts = target.limits.smallest_token_capacity() != kNoTokens;
  target.limits.settle_all(core.core(), held->target_reserved,
                           counts ? total_of(outcome.usage) : 0, outcome.now_ns);
}

void Decider::Parts::end_request(Decision::Held* held, const AttemptOutcome& outcome, bool ran) {
  const Usage& usage = outcome.usage;
  if (held->route->output != nullptr && usage.completion_tokens > 0 &&
      usage.source == UsageSource::kProvider) {
    held->route->output->observe(core.core(), usage.completion_tokens / held->size.choices);
  }
  const int64_t actual = total_of(usage);
  for (const LimitSet* limits : {&held->principal->limits, &held->route->limits}) {
    if (limits->empty()) continue;
    if (ran) {
      limits->settle_all(core.core(), held->reserved, actual, outcome.now_ns);
    } else {
      limits->refund_all(core.core(), held->reserved, outcome.now_ns);
    }
  }
}

Decider::Decider(Router* router, uint32_t thread)
    : parts_(std::make_unique<Parts>(router->parts_.get(), thread)) {
  parts_->adopt();
}

Decider::~Decider() { WEIR_CHECK(parts_->pool.in_use() == 0); }  // Decisions end before

Result<void> Decider::scan(std::string_view body, RequestView* out) {
  return parts_->scanner.scan(body, {}, out);
}

Decision Decider::decide(const Question& question) {
  Parts& parts = *parts_;
  parts.adopt();
  parts.last_now_ns = question.now_ns;
  Decision out;
  Decision::Held* held = parts.pool.take();
  held->decider = &parts;
  const RequestView& request = *question.request;
  held->size = {.body_bytes = request.body.size(),
                .output_cap = request.output_cap,
                .choices = request.choices(),
                .has_output = question.endpoint != Endpoint::kEmbeddings};
  held->endpoint = question.endpoint;
  const auto admitted = parts.admit(question, held);
  if (!admitted) refuse(&out, admitted.error().code, admitted.error().message);
  if (!admitted || !parts.take_limits(held, &out, question.now_ns)) {
    parts.pool.give(held);
    return out;
  }
  if (!parts.next_target(held, &out, question.now_ns)) {
    parts.end_request(held, AttemptOutcome{.now_ns = question.now_ns}, false);
    parts.pool.give(held);
    return out;
  }
  held->snapshot = parts.snapshot;
  out.held_ = held;
  return out;
}

bool Decider::report(Decision* decision, const AttemptOutcome& outcome) {
  Decision::Held* held = decision->held_;
  if (held == nullptr || !held->running) return false;
  Parts& parts = *parts_;
  WEIR_CHECK(held->decider == &parts);
  parts.last_now_ns = outcome.now_ns;
  const Fault fault = outcome.fault;
  parts.end_attempt(held, outcome, fault);
  const bool elsewhere = fault == Fault::kTarget || fault == Fault::kTimeout ||
                         fault == Fault::kRateLimit || fault == Fault::kCredential;
  const bool again = elsewhere && !outcome.delivered &&
                     decision->attempts < held->route->max_attempts;
  if (again && parts.next_target(held, decision, outcome.now_ns)) return true;
  // It failed before a byte was delivered: nothing was used.
  const bool ran = outcome.delivered || !elsewhere;
  parts.end_request(held, outcome, ran && fault != Fault::kGateway);
  decision->held_ = nullptr;
  parts.pool.give(held);
  return false;
}

Decision::Decision(Decision&& other) noexcept { *this = std::move(other); }

Decision& Decision::operator=(Decision&& other) noexcept {
  if (this == &other) return *this;
  drop();
  verdict = other.verdict;
  place = other.place;
  error = other.error;
  retry_after_ms = other.retry_after_ms;
  attempts = other.attempts;
  held_ = std::exchange(other.held_, nullptr);
  return *this;
}

Decision::~Decision() { drop(); }

void Decision::drop() {
  if (held_ == nullptr) return;
  Decider::Parts* const parts = held_->decider;
  const AttemptOutcome dropped{.fault = Fault::kClient, .now_ns = parts->last_now_ns};
  parts->end_attempt(held_, dropped, Fault::kClient);
  parts->end_request(held_, dropped, true);
  parts->pool.give(held_);
  held_ = nullptr;
}

}  // namespace weir
