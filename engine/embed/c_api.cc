// weir/weir.h over weir/engine.h.
#include <weir/engine.h>

#include "base/c_struct.h"

struct weir_engine {
  std::unique_ptr<weir::Engine> engine;
};

namespace weir {

namespace {

// Who asked, until its on_end.
struct CCaller {
  const weir_events* events;
  void* user;
};

const CCaller& caller_of(void* user) { return *static_cast<CCaller*>(user); }

constexpr AnswerEvents kEvents = {
    .on_head =
        [](void* user, uint64_t id, int status, std::string_view fields) {
          const CCaller& caller = caller_of(user);
          caller.events->on_head(caller.user, id, status, c_text(fields));
        },
    .on_body =
        [](void* user, uint64_t id, std::string_view bytes) {
          const CCaller& caller = caller_of(user);
          caller.events->on_body(caller.user, id, c_text(bytes));
        },
    .on_end =
        [](void* user, uint64_t id, AnswerEnd end) {
          const std::unique_ptr<CCaller> caller(static_cast<CCaller*>(user));
          caller->events->on_end(caller->user, id, static_cast<int>(end));
        },
};

SubmitRequest request_of(const weir_request* request) {
  const weir_request given = c_read(request);
  SubmitRequest out;
  if (given.method.size != 0) out.method = c_view(given.method);
  out.target = c_view(given.target);
  out.key = c_view(given.key);
  out.request_id = c_view(given.request_id);
  out.project_id = c_view(given.project_id);
  out.space_id = c_view(given.space_id);
  out.body = c_view(given.body);
  return out;
}

int answer(const std::expected<void, std::string>& done, weir_error* error) {
  if (!done) c_fail(error, done.error());
  return done ? 1 : 0;
}

// What was not taken has no on_end that would free its caller.
uint64_t taken(uint64_t id, CCaller* caller) {
  if (id == 0) delete caller;
  return id;
}

}  // namespace

}  // namespace weir

weir_engine* weir_engine_create(weir_text config, const weir_engine_options* options,
                                weir_error* error) {
  const weir_engine_options given = weir::c_read(options);
  weir::EngineOptions wanted;
  if (given.workers != 0) wanted.workers = given.workers;
  wanted.listen = given.listen != 0;
  wanted.pin_cpus = given.pin_cpus != 0;
  wanted.data_dir = weir::c_view(given.data_dir);
  wanted.admin_key = weir::c_view(given.admin_key);
  auto engine = weir::Engine::create(weir::c_view(config), wanted);
  if (engine) return new weir_engine{std::move(*engine)};
  weir::c_fail(error, engine.error());
  return nullptr;
}

void weir_engine_free(weir_engine* engine) { delete engine; }

int weir_engine_publish(weir_engine* engine, weir_text config, weir_error* error) {
  return weir::answer(engine->engine->publish(weir::c_view(config)), error);
}

int weir_engine_start(weir_engine* engine, weir_error* error) {
  return weir::answer(engine->engine->start(), error);
}
void weir_engine_drain(weir_engine* engine) { engine->engine->drain(); }
int weir_engine_drained(const weir_engine* engine) { return engine->engine->drained() ? 1 : 0; }
void weir_engine_stop(weir_engine* engine) { engine->engine->stop(); }
uint16_t weir_engine_port(const weir_engine* engine, size_t n) { return engine->engine->port(n); }

int weir_engine_attach(weir_engine* engine, struct uv_loop_s* loop, uint32_t* worker,
                       weir_error* error) {
  const auto place = engine->engine->attach(loop);
  if (!place) {
    weir::c_fail(error, place.error());
    return 0;
  }
  *worker = *place;
  return 1;
}

void weir_engine_detach(weir_engine* engine, uint32_t worker, void (*done)(void* user),
                        void* user) {
  engine->engine->detach(worker, done, user);
}

weir_text weir_field(weir_text fields, weir_text name) {
  return weir::c_text(weir::answer_field(weir::c_view(fields), weir::c_view(name)));
}

uint64_t weir_engine_submit(weir_engine* engine, const weir_request* request,
                            const weir_events* events, void* user) {
  auto* caller = new weir::CCaller{events, user};
  return weir::taken(engine->engine->submit(weir::request_of(request), &weir::kEvents, caller),
                     caller);
}

uint64_t weir_engine_submit_on(weir_engine* engine, uint32_t worker, const weir_request* request,
                               const weir_events* events, void* user) {
  auto* caller = new weir::CCaller{events, user};
  return weir::taken(
      engine->engine->submit_on(worker, weir::request_of(request), &weir::kEvents, caller), caller);
}

void weir_engine_cancel(weir_engine* engine, uint64_t id) { engine->engine->cancel(id); }
void weir_engine_pause(weir_engine* engine, uint64_t id) { engine->engine->pause(id); }
void weir_engine_resume(weir_engine* engine, uint64_t id) { engine->engine->resume(id); }

int weir_engine_adopt(weir_engine* engine, uint32_t worker, int fd) {
  return engine->engine->adopt(worker, fd) ? 1 : 0;
}
