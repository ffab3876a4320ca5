// The management calls that workers hand over: who may, and what the control plane's own routes
// answer.
#include <algorithm>

#include "base/check.h"
#include "control/api/api_answer.h"
#include "control/api/api_body.h"
#include "control/api/api_route.h"
#include "control/control_plane.h"
#include "control/record_words.h"
#include "control/routing_records.h"
#include "json/json_write.h"

namespace weir {

namespace {

void member_add(std::string* out, std::string_view name, std::string_view text) {
  *out += ",\"" + std::string(name) + "\":";
  json_append_string(out, text);
}

void access_fail(ManagementCall& call, ApiAccess access) {
  if (call.key_id.empty() && !call.admin && !call.metrics_only) {
    return api_fail(call, 401, "invalid_api_key",
                    "no valid API key: send `Authorization: Bearer KEY`");
  }
  api_fail(call, 403, "access_denied",
           access == ApiAccess::kAnyKey ? "The key for metrics may only read /metrics."
           : access == ApiAccess::kOperator
               ? "This route needs an admin's key of the tenant default."
               : "This route needs a key with the role admin.");
}

std::string target_json(const Registry::TargetName& target, Millis now) {
  const TargetHealth& health = *target.health;
  const Millis until = health.open_until();
  // Past its time but not yet proven by a request: the next one is the probe.
  const char* state = until == 0 ? "ok" : until > now ? "suspended" : "probing";
  std::string out = R"({"object":"target")";
  member_add(&out, "id", target.id);
  member_add(&out, "uuid", target.uuid);
  member_add(&out, "provider", target.provider);
  member_add(&out, "model", target.model);
  member_add(&out, "state", state);
  out += ",\"suspended_for_ms\":" + std::to_string(until > now ? until - now : 0);
  out += ",\"consecutive_faults\":" + std::to_string(health.strikes());
  out += ",\"suspensions\":" + std::to_string(health.suspensions());
  member_add(&out, "last_fault", fault_name(health.last_fault()));
  return out + "}";
}

}  // namespace

// Those that only read go first: they see what is published, not what a batch may take back.
void ControlPlane::calls_take(Millis now) {
  std::vector<Write> writes;
  for (ManagementCall* call = link_.calls.take_all(); call != nullptr;) {
    ManagementCall* next = call->next_message;
    call_handle(call, now, &writes);
    call = next;
  }
  writes_take(std::move(writes));
}

void ControlPlane::call_handle(ManagementCall* call, Millis now, std::vector<Write>* writes) {
  WEIR_CHECK(call->worker != nullptr);
  ApiMatch match = api_match(call->method, call->path);
  if (match.allow.empty()) {
    api_fail(*call, 404, "route_not_found", "There is no such route.");
  } else if (!api_may(*call, match.access)) {
    access_fail(*call, match.access);
  } else if (match.route == nullptr || match.route->handler == nullptr) {
    call->allow = match.allow;
    api_fail(*call, 405, "method_not_allowed",
             "This route takes another method: " + match.allow + ".");
  } else {
    ApiCall made{.call = call, .parameters = std::move(match.parameters), .now = now};
    if (match.route->work == ApiWork::kWrite) {
      return writes->push_back({match.route, std::move(made)});
    }
    match.route->handler(*this, made);
    if (match.route->work == ApiWork::kLater) return;
  }
  call_answer(call);
}

void ControlPlane::call_answer(ManagementCall* call) {
  WorkerLink* worker = call->worker;
  worker->answers.push(call);
  if (worker->wake != nullptr) worker->wake(worker);
}

void ControlPlane::call_metrics(ApiCall& made) {
  scrape_queue_.push_back(made.call);
  scrape_begin(made.now);
}

void ControlPlane::call_targets(ApiCall& made) {
  const ManagementCall* call = made.call;
  configured_find();
  std::string out = R"({"object":"list","data":[)";
  bool first = true;
  for (const Registry::TargetName& target : registry_.targets()) {
    if (!target.configured || (target.tenant != call->tenant && !call->tenant.empty())) continue;
    out += (first ? "" : ",") + target_json(target, made.now);
    first = false;
  }
  api_reply(*made.call, 200, out + "]}");
}

void ControlPlane::call_suspension(ApiCall& made) {
  ManagementCall* call = made.call;
  const std::string& wanted = made.parameters[0];
  configured_find();
  for (const Registry::TargetName& target : registry_.targets()) {
    if (!target.configured || (target.tenant != call->tenant && !call->tenant.empty())) continue;
    if (target.id != wanted && target.uuid != wanted) continue;
    target.health->clear();
    call->status = 204;
    return;
  }
  api_fail(*call, 404, "target_not_found", "There is no such target.");
}

void ControlPlane::call_available(ApiCall& made) {
  ManagementCall* call = made.call;
  const auto* object = catalog().provider(call->tenant, made.parameters[0]);
  if (object == nullptr) {
    missing_fail(*call, ObjectKind::kProvider);
    return call_answer(call);
  }
  const ProviderConfig* config = source_->provider(object->tenant, object->config.name);
  if (config == nullptr || config->unavailable) {
    api_fail(*call, 503, "provider_unavailable",
             "The provider's credentials cannot be read for now, so it cannot be asked.");
    return call_answer(call);
  }
  const RoutingInput input = routing_input(config_);
  RoutingRecords records(input, *source_, routing_.providers, &registry_);
  available_.start(records.provider(*config), call);
}

void ControlPlane::call_reload(ApiCall& made) {
  const auto done = reload();
  report_reload(done);
  if (!done) {
    api_fail(*made.call, 400, "invalid_configuration",
             "The configuration was refused and the old one stays; the reason is on the "
             "standard error output.");
    return call_answer(made.call);
  }
  api_reply(*made.call, 200, R"({"object":"config","epoch":)" + std::to_string(epoch_) + "}");
  waits_.push_back({made.call, epoch_, made.now + options_.adopt_timeout_ms});
}

// All calls that came before a round began share its copy; later ones wait for the next round.
void ControlPlane::scrape_begin(Millis now) {
  if (!round_.calls.empty() || scrape_queue_.empty()) return;
  round_ = {};
  round_.id = ++last_scrape_id_;
  round_.deadline = now + options_.scrape_timeout_ms;
  round_.calls.swap(scrape_queue_);
  for (WorkerLink* worker : publisher_.workers()) {
    if (!worker->running.load(std::memory_order_acquire)) continue;
    ++round_.missing;
    auto* scrape = new Scrape;
    scrape->worker = worker;
    scrape->id = round_.id;
    worker->scrapes.push(scrape);
    if (worker->wake != nullptr) worker->wake(worker);
  }
}

void ControlPlane::scrapes_take() {
  for (Scrape* scrape = link_.scrapes.take_all(); scrape != nullptr;) {
    Scrape* next = scrape->next_message;
    // One that comes after its round was given up is only freed.
    if (scrape->id == round_.id && !round_.calls.empty()) {
      metrics_add(&round_.sum, scrape->block);
      --round_.missing;
    }
    delete scrape;
    scrape = next;
  }
}

void ControlPlane::scrape_check(Millis now) {
  if (round_.calls.empty()) return;
  const bool late = now >= round_.deadline;
  if (round_.missing > 0 && !late) return;
  const std::vector<ManagementCall*> calls = std::move(round_.calls);
  round_.calls.clear();
  counters_.access_log_dropped = access_log_.dropped();
  counters_.retired = publisher_.retired_count();
  counters_.workers = static_cast<uint32_t>(publisher_.workers().size());
  counters_.usage_waiting = usage_->waiting();
  counters_.usage_flush_failures = usage_->flush_failures();
  counters_.usage_lost = usage_->lost();
  counters_.usage_misdated = usage_->misdated();
  counters_.token_exchanges = tokens_.exchanges();
  counters_.cache = link_.cache.counters();
  counters_.sign_in = sign_in_->counters();
  counters_.secrets = secrets_.counters();
  counters_.providers_withheld = withheld_.size();
  std::string text;
  configured_find();
  if (round_.missing == 0) text = metrics_render(round_.sum, counters_, registry_, now);
  for (ManagementCall* call : calls) {
    if (round_.missing > 0) {
      api_fail(*call, 503, "overloaded", "A worker did not answer in time.");
      call_answer(call);
      continue;
    }
    call->status = 200;
    call->reply_type = "text/plain; version=0.0.4; charset=utf-8";
    call->reply = text;
    call_answer(call);
  }
  scrape_begin(now);
}

}  // namespace weir
