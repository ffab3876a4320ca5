/* Weir's C interface: the engine in a process (weir_engine_*), and decisions alone (weir_router_*,
 * weir_decider_*). docs/embedding.md shows both by example. What is said in weir/engine.h and
 * weir/decide.h about threads holds here too.
 *
 * Rules for everything below:
 * - Texts are pointer and length, need no zero byte at their end, and an empty one may be null.
 *   Texts that go in are copied before the call returns. Texts that come out are borrowed until the
 *   callback returns, unless their comment says more.
 * - A struct begins with struct_size, which you set to sizeof of it. Later versions only append
 *   fields; what you do not have counts as zero, and zero means the default.
 * - Handles are opaque and freed by the function named beside them, by nothing else.
 * - int results are 1 for yes and 0 for no. Where `error` may be given it may also be null; it is
 *   written only on failure.
 * - No exception and no signal crosses this interface. Without memory the process ends.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include <weir/version.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct weir_text {
  const char* data;
  size_t size;
} weir_text;

/* What went wrong, in one line that ends with a zero byte; longer ones are cut. */
typedef struct weir_error {
  size_t struct_size;
  char message[504];
} weir_error;

/* Of the library that runs, as "0.1.0"; static. */
WEIR_API const char* weir_version(void);

/* --- the engine in a process ------------------------------------------------------------------ */

typedef struct weir_engine weir_engine;
struct uv_loop_s; /* libuv's uv_loop_t */

typedef struct weir_engine_options {
  size_t struct_size;
  uint32_t workers;    /* places for threads or loops, 1 to 255; 0: one */
  int32_t listen;      /* weir_engine_start() also opens the configuration's addresses */
  int32_t pin_cpus;
  weir_text data_dir;  /* empty: the usage store is kept in memory */
  weir_text admin_key; /* a key with the role admin, besides those of the configuration */
} weir_engine_options;

/* From the text of a configuration file. Null on failure. weir_engine_free() takes it back, after
 * weir_engine_stop() and after every detach has called back. `options` may be null. */
WEIR_API weir_engine* weir_engine_create(weir_text config, const weir_engine_options* options,
                                         weir_error* error);
WEIR_API void weir_engine_free(weir_engine* engine);

/* A new configuration; on failure the old one stays. Any thread. */
WEIR_API int weir_engine_publish(weir_engine* engine, weir_text config, weir_error* error);

/* Threads of the engine's own: one for every place. */
WEIR_API int weir_engine_start(weir_engine* engine, weir_error* error);
WEIR_API void weir_engine_drain(weir_engine* engine);
WEIR_API int weir_engine_drained(const weir_engine* engine);
WEIR_API void weir_engine_stop(weir_engine* engine);
/* The port of the nth address that is listened on; 0: there is none. */
WEIR_API uint16_t weir_engine_port(const weir_engine* engine, size_t n);

/* A worker on your own loop, called on the loop's thread. The loop is never run, stopped or kept
 * alive, but between detach and `done`. */
WEIR_API int weir_engine_attach(weir_engine* engine, struct uv_loop_s* loop, uint32_t* worker,
                                weir_error* error);
WEIR_API void weir_engine_detach(weir_engine* engine, uint32_t worker, void (*done)(void* user),
                                 void* user);

typedef struct weir_request {
  size_t struct_size;
  weir_text method;     /* empty: POST */
  weir_text target;     /* path, and the query if there is one */
  weir_text key;        /* API key */
  weir_text request_id; /* empty: one is made */
  weir_text project_id; /* x-ibm-project-id */
  weir_text space_id;   /* x-ibm-space-id */
  weir_text body;
} weir_request;

enum { WEIR_END_COMPLETE = 0, WEIR_END_CUT = 1, WEIR_END_CANCELLED = 2 };

/* None may be null. Must stay until the on_end of the last request that was given it. Called on the
 * worker's thread, never from inside a call of yours: at most one on_head, any number of on_body,
 * exactly one on_end (`end` is one of WEIR_END_*). `fields` are "name: value" lines, each ended by
 * CRLF, names in lower case. */
typedef struct weir_events {
  size_t struct_size;
  void (*on_head)(void* user, uint64_t id, int status, weir_text fields);
  void (*on_body)(void* user, uint64_t id, weir_text bytes);
  void (*on_end)(void* user, uint64_t id, int end);
} weir_events;

/* The value of one field of on_head's `fields`, of which it is a part; empty: there is none. */
WEIR_API weir_text weir_field(weir_text fields, weir_text name);

/* The request's id; 0: not taken, and nothing will be called. The first from any thread, on one of
 * the workers in turn; the second on the thread of that worker's loop. */
WEIR_API uint64_t weir_engine_submit(weir_engine* engine, const weir_request* request,
                                     const weir_events* events, void* user);
WEIR_API uint64_t weir_engine_submit_on(weir_engine* engine, uint32_t worker,
                                        const weir_request* request, const weir_events* events,
                                        void* user);
/* Any thread; ids of requests that have ended mean nothing. */
WEIR_API void weir_engine_cancel(weir_engine* engine, uint64_t id);
WEIR_API void weir_engine_pause(weir_engine* engine, uint64_t id);
WEIR_API void weir_engine_resume(weir_engine* engine, uint64_t id);

/* A connected TCP socket, served as HTTP/1.1 and closed by the engine. 0: it is still yours. */
WEIR_API int weir_engine_adopt(weir_engine* engine, uint32_t worker, int fd);

/* --- decisions alone -------------------------------------------------------------------------- */

typedef struct weir_router weir_router;     /* shared by all threads */
typedef struct weir_decider weir_decider;   /* one for each thread */
typedef struct weir_decision weir_decision; /* one request that is under way */

typedef struct weir_router_options {
  size_t struct_size;
  uint32_t threads; /* most deciders at a time; 0: one */
  uint64_t seed;
  uint64_t now_ns;
} weir_router_options;

/* Null on failure. Freed by weir_router_free(), after its deciders. `options` may be null. */
WEIR_API weir_router* weir_router_create(weir_text config, const weir_router_options* options,
                                         weir_error* error);
WEIR_API void weir_router_free(weir_router* router);
WEIR_API int weir_router_update(weir_router* router, weir_text config, uint64_t now_ns,
                                weir_error* error);

/* `thread`: 0 to threads-1. Freed by weir_decider_free(), after its decisions. */
WEIR_API weir_decider* weir_decider_create(weir_router* router, uint32_t thread);
WEIR_API void weir_decider_free(weir_decider* decider);

enum { WEIR_CHAT = 0, WEIR_COMPLETIONS = 1, WEIR_EMBEDDINGS = 2 };

typedef struct weir_question {
  size_t struct_size;
  weir_text body;       /* the request, JSON */
  int32_t endpoint;     /* WEIR_CHAT, ... */
  int32_t body_padded;  /* 64 readable bytes lie behind the body, so that it need not be copied */
  const uint8_t* key_digest; /* 32 bytes, SHA-256 of the client's key; or null */
  weir_text key;        /* its text instead; both empty: the program's owner */
  int64_t unix_s;       /* for keys that expire */
  uint64_t now_ns;
} weir_question;

/* Texts of a place live until the decision ends; `message` is static. */
typedef struct weir_verdict {
  size_t struct_size;
  int32_t status;          /* 0: go to this place; else the HTTP status of the refusal */
  int32_t tls;
  weir_text message;       /* of a refusal */
  int64_t retry_after_ms;  /* -1: unknown */
  weir_text provider, provider_type, tenant;
  weir_text authority, base_path;
  weir_text model;         /* the provider's name for it */
  weir_text model_json;    /* the same as a JSON string ... */
  size_t model_begin;      /* ... to replace these bytes of the body: [model_begin, model_end) */
  size_t model_end;
  uint32_t attempts;
  int32_t probe;
  int32_t stream;          /* of the request: it asks for a stream */
} weir_verdict;

/* Null when it is refused; `verdict` (not null) says which. The body is not kept. */
WEIR_API weir_decision* weir_decide(weir_decider* decider, const weir_question* question,
                                    weir_verdict* verdict);

enum {
  WEIR_FAULT_NONE = 0,
  WEIR_FAULT_TARGET = 1,     /* 5xx, refused, reset, garbage: another target, this one suspended */
  WEIR_FAULT_TIMEOUT = 2,    /* the same */
  WEIR_FAULT_RATE_LIMIT = 3, /* the provider's 429: the same */
  WEIR_FAULT_CREDENTIAL = 4, /* 401, 403: the same */
  WEIR_FAULT_REQUEST = 5,    /* the client's mistake; nothing against the target */
  WEIR_FAULT_CLIENT = 6      /* the client left */
};

typedef struct weir_outcome {
  size_t struct_size;
  int32_t fault;            /* WEIR_FAULT_* */
  int32_t delivered;        /* a byte of the answer went to the client */
  int32_t has_retry_after;  /* retry_after_ms is what the provider asked for */
  int32_t has_usage;        /* the three counts are the provider's */
  int64_t retry_after_ms;
  int64_t prompt_tokens, completion_tokens, total_tokens;
  uint64_t now_ns;
} weir_outcome;

/* 1: the attempt failed, and `verdict` says where to try next. 0: the decision is over and its
 * handle is gone. */
WEIR_API int weir_report(weir_decider* decider, weir_decision* decision,
                         const weir_outcome* outcome, weir_verdict* verdict);

#ifdef __cplusplus
}
#endif
