// The management calls that workers hand over: what each path answers.
#include <algorithm>

#include "base/check.h"
#include "control/control_plane.h"
#include "control/percent.h"
#include "control/usage/usage_api.h"
#include "json/json_write.h"

namespace weir {

namespace {

constexpr std::string_view kLongPrefix = "/ml/gateway/v1/";

// "/ml/gateway/v1/x" and "/v1/x" are the same route.
std::string_view short_path(std::string_view path) {
  return path.starts_with(kLongPrefix) ? path.substr(kLongPrefix.size() - 4) : path;
}

std::string_view suspension_id(std::string_view path) {
  constexpr std::string_view kBefore = "/v1/targets/", kBehind = "/suspension";
  if (path.size() <= kBefore.size() + kBehind.size()) return {};
  if (!path.starts_with(kBefore) || !path.ends_with(kBehind)) return {};
  return path.substr(kBefore.size(), path.size() - kBefore.size() - kBehind.size());
}

void member_add(std::string* out, std::string_view name, std::string_view text) {
  *out += ",\"" + std::string(name) + "\":";
  json_append_string(out, text);
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

void ControlPlane::calls_take(Millis now) {
  for (ManagementCall* call = link_.calls.take_all(); call != nullptr;) {
    ManagementCall* next = call->next_message;
    call_handle(call, now);
    call = next;
  }
}

void ControlPlane::call_handle(ManagementCall* call, Millis now) {
  WEIR_CHECK(call->worker != nullptr);
  if (usage_path(call->path)) return call_usage(call);
  const std::string_view path = short_path(call->path);
  const bool is_metrics = path == "/metrics" || path == "/v1/metrics";
  const std::string_view id = suspension_id(path);
  const char* allow = nullptr;
  if (is_metrics || path == "/v1/targets") allow = "GET, HEAD";
  if (path == "/v1/config/reload") allow = "POST";
  if (!id.empty()) allow = "DELETE";
  if (allow == nullptr) {
    return call_fail(call, Errc::kRouteNotFound, "route_not_found", "There is no such route.");
  }
  if (!call->admin && !(call->metrics_only && is_metrics)) {
    return call_fail(call, Errc::kAccessDenied, "access_denied",
                     "This route needs a key with the role admin.");
  }
  if (std::string_view(allow).find(call->method) == std::string_view::npos ||
      call->method.empty()) {
    call->allow = allow;
    return call_fail(call, Errc::kMethodNotAllowed, "method_not_allowed",
                     "This route takes another method: " + std::string(allow) + ".");
  }
  if (is_metrics) {
    scrape_queue_.push_back(call);
    return scrape_begin(now);
  }
  if (path == "/v1/targets") return call_targets(call, now);
  if (!id.empty()) return call_suspension(call, id);
  call_reload(call, now);
}

void ControlPlane::call_fail(ManagementCall* call, Errc code, std::string code_text,
                             std::string message) {
  call->has_error = true;
  call->error = code;
  call->error_code = std::move(code_text);
  call->error_message = std::move(message);
  call_answer(call);
}

void ControlPlane::call_answer(ManagementCall* call) {
  WorkerLink* worker = call->worker;
  worker->answers.push(call);
  if (worker->wake != nullptr) worker->wake(worker);
}

void ControlPlane::call_targets(ManagementCall* call, Millis now) {
  std::string out = R"({"object":"list","data":[)";
  bool first = true;
  for (const Registry::TargetName& target : registry_.targets()) {
    if (!target.configured || (target.tenant != call->tenant && !call->tenant.empty())) continue;
    out += (first ? "" : ",") + target_json(target, now);
    first = false;
  }
  call->status = 200;
  call->reply = out + "]}";
  call_answer(call);
}

void ControlPlane::call_suspension(ManagementCall* call, std::string_view id) {
  const std::string wanted = percent_decode(id);
  for (const Registry::TargetName& target : registry_.targets()) {
    if (!target.configured || (target.tenant != call->tenant && !call->tenant.empty())) continue;
    if (target.id != wanted && target.uuid != wanted) continue;
    target.health->clear();
    call->status = 204;
    return call_answer(call);
  }
  call_fail(call, Errc::kRouteNotFound, "target_not_found", "There is no such target.");
}

void ControlPlane::call_reload(ManagementCall* call, Millis now) {
  const auto done = reload();
  if (!done) {
    report("reload refused, the old configuration stays: " + done.error());
    return call_fail(call, Errc::kInvalidField, "invalid_configuration",
                     "The configuration was refused and the old one stays; the reason is on the "
                     "standard error output.");
  }
  report("configuration reloaded");
  waits_.push_back({call, epoch_, now + options_.adopt_timeout_ms});
}

void ControlPlane::waits_check(Millis now) {
  std::erase_if(waits_, [&](const AdoptWait& wait) {
    if (publisher_.adopted(wait.epoch)) {
      wait.call->status = 200;
      wait.call->reply = R"({"object":"config","epoch":)" + std::to_string(wait.epoch) + "}";
      call_answer(wait.call);
      return true;
    }
    if (now < wait.deadline) return false;
    call_fail(wait.call, Errc::kOverloaded, "not_applied_yet",
              "The configuration is accepted, but not every worker runs it yet.");
    return true;
  });
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
  std::string text;
  if (round_.missing == 0) text = metrics_render(round_.sum, counters_, registry_, now);
  for (ManagementCall* call : calls) {
    if (round_.missing > 0) {
      call_fail(call, Errc::kOverloaded, "overloaded", "A worker did not answer in time.");
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
