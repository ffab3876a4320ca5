// weir/weir.h over weir/decide.h.
#include <string>

#include <weir/decide.h>

#include "base/c_struct.h"

struct weir_router {
  std::unique_ptr<weir::Router> router;
};
struct weir_decider {
  weir_decider(weir::Router* router, uint32_t thread) : decider(router, thread) {}
  weir::Decider decider;
  std::string copy;  // of a body without padding
};
struct weir_decision {
  weir::Decision decision;
  weir_verdict request;  // what does not change between attempts
};

namespace weir {

namespace {

int32_t status_of(Errc code) {
  switch (code) {
    case Errc::kUnauthorized:
      return 401;
    case Errc::kAccessDenied:
      return 403;
    case Errc::kModelNotFound:
      return 404;
    case Errc::kRateLimited:
      return 429;
    case Errc::kNoBackend:
      return 503;
    default:
      return 400;
  }
}

Endpoint endpoint_of(int32_t endpoint) {
  return endpoint == WEIR_EMBEDDINGS    ? Endpoint::kEmbeddings
         : endpoint == WEIR_COMPLETIONS ? Endpoint::kCompletions
                                        : Endpoint::kChat;
}

void refusal_write(const Error& error, int64_t retry_after_ms, weir_verdict* out) {
  weir_verdict verdict{};
  verdict.status = status_of(error.code);
  verdict.message = c_text(error.message);
  verdict.retry_after_ms = retry_after_ms;
  c_write(verdict, out);
}

void place_write(const weir_decision& decision, weir_verdict* out) {
  const Destination& place = decision.decision.place;
  weir_verdict verdict = decision.request;
  verdict.tls = place.tls ? 1 : 0;
  verdict.retry_after_ms = -1;
  verdict.provider = c_text(place.provider);
  verdict.provider_type = c_text(place.provider_type);
  verdict.tenant = c_text(place.tenant);
  verdict.authority = c_text(place.authority);
  verdict.base_path = c_text(place.base_path);
  verdict.model = c_text(place.model);
  verdict.model_json = c_text(place.model_json);
  verdict.attempts = decision.decision.attempts;
  verdict.probe = place.probe ? 1 : 0;
  c_write(verdict, out);
}

std::string_view padded(weir_decider* decider, const weir_question& question) {
  const std::string_view body = c_view(question.body);
  if (question.body_padded != 0) return body;
  decider->copy.assign(body);
  decider->copy.resize(body.size() + Decider::kPadding);
  return std::string_view(decider->copy).substr(0, body.size());
}

Question question_of(const weir_question& from, const RequestView& request, KeyDigest* digest) {
  Question out{.request = &request,
               .endpoint = endpoint_of(from.endpoint),
               .key = digest,
               .unix_s = from.unix_s,
               .now_ns = from.now_ns};
  if (from.key_digest != nullptr) {
    std::copy_n(from.key_digest, digest->size(), digest->begin());
  } else if (from.key.size != 0) {
    *digest = key_sha256(c_view(from.key));
  } else {
    out.key = nullptr;
  }
  return out;
}

Fault fault_of(int32_t fault) {
  static constexpr Fault kFaults[] = {Fault::kNone,       Fault::kTarget,  Fault::kTimeout,
                                      Fault::kRateLimit,  Fault::kCredential,
                                      Fault::kRequest,    Fault::kClient};
  const bool known = fault >= 0 && fault <= WEIR_FAULT_CLIENT;
  return known ? kFaults[fault] : Fault::kTarget;
}

}  // namespace

}  // namespace weir

const char* weir_version(void) { return WEIR_VERSION; }

weir_router* weir_router_create(weir_text config, const weir_router_options* options,
                                weir_error* error) {
  const weir_router_options given = weir::c_read(options);
  auto router = weir::Router::create(weir::c_view(config),
                                     {.threads = given.threads != 0 ? given.threads : 1,
                                      .seed = given.seed,
                                      .now_ns = given.now_ns});
  if (router) return new weir_router{std::move(*router)};
  weir::c_fail(error, router.error());
  return nullptr;
}

void weir_router_free(weir_router* router) { delete router; }

int weir_router_update(weir_router* router, weir_text config, uint64_t now_ns, weir_error* error) {
  const auto done = router->router->update(weir::c_view(config), now_ns);
  if (!done) weir::c_fail(error, done.error());
  return done ? 1 : 0;
}

weir_decider* weir_decider_create(weir_router* router, uint32_t thread) {
  return new weir_decider(router->router.get(), thread);
}

void weir_decider_free(weir_decider* decider) { delete decider; }

weir_decision* weir_decide(weir_decider* decider, const weir_question* question,
                           weir_verdict* verdict) {
  const weir_question given = weir::c_read(question);
  weir::RequestView view;
  const auto scanned = decider->decider.scan(weir::padded(decider, given), &view);
  if (!scanned) {
    weir::refusal_write(scanned.error(), -1, verdict);
    return nullptr;
  }
  weir::KeyDigest digest{};
  weir::Decision decision = decider->decider.decide(weir::question_of(given, view, &digest));
  if (decision.verdict != weir::Verdict::kGo) {
    weir::refusal_write(decision.error, decision.retry_after_ms, verdict);
    return nullptr;
  }
  auto* out = new weir_decision{std::move(decision), {}};
  const weir::ByteRange model = view.member(weir::Field::kModel).value;
  out->request.model_begin = model.begin;
  out->request.model_end = model.end;
  out->request.stream = view.stream ? 1 : 0;
  weir::place_write(*out, verdict);
  return out;
}

int weir_report(weir_decider* decider, weir_decision* decision, const weir_outcome* outcome,
                weir_verdict* verdict) {
  const weir_outcome given = weir::c_read(outcome);
  weir::AttemptOutcome out;
  out.fault = weir::fault_of(given.fault);
  out.delivered = given.delivered != 0;
  if (given.has_retry_after != 0) out.retry_after_ms = given.retry_after_ms;
  out.now_ns = given.now_ns;
  if (given.has_usage != 0) {
    out.usage.prompt_tokens = given.prompt_tokens;
    out.usage.completion_tokens = given.completion_tokens;
    out.usage.total_tokens = given.total_tokens;
    out.usage.source = weir::UsageSource::kProvider;
  }
  if (decider->decider.report(&decision->decision, out)) {
    weir::place_write(*decision, verdict);
    return 1;
  }
  delete decision;
  return 0;
}
