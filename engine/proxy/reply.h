// Every answer that Weir makes itself, and the heads of those it passes on. The only place where
// an Errc becomes a status, a type and a code. Worker thread.
#pragma once

#include <string_view>

#include <weir/adapter.h>
#include <weir/types.h>

#include "base/arena.h"
#include "http/parser.h"

namespace weir {

struct ClientConn;
struct Exchange;
struct ManagementCall;
struct Worker;

struct WireError {
  int status;
  std::string_view type;
  std::string_view code;
};
[[nodiscard]] WireError wire_error(Errc code);

// The superset error body (OpenAI, IBM and Java SDK forms in one), in the arena.
[[nodiscard]] std::string_view error_body(Arena& arena, const UpstreamError& error,
                                          std::string_view request_id);
// `data: {"error":...}` for a stream that has begun.
[[nodiscard]] std::string_view error_event(Arena& arena, const UpstreamError& error,
                                           std::string_view request_id);
[[nodiscard]] UpstreamError error_of(const Error& error);
// With the bound as a number; the text lies in ex->arena.
[[nodiscard]] Error body_too_large(Exchange* ex);

// Head of an answer. `content_length` -1: chunked (HTTP/1.1) or until close. `extra` are complete
// field lines. Decides nothing about keep-alive: client->keep_alive is what it says. For a client
// without HTTP: the field lines alone.
[[nodiscard]] std::string_view reply_head(Exchange* ex, int status, std::string_view content_type,
                                          int64_t content_length, std::string_view extra);

// Whole answers. Each finishes the exchange.
// `extra`: complete lines of the head. `members`: JSON members in front of the common ones.
void reply_error(Exchange* ex, const UpstreamError& error, std::string_view extra = {},
                 std::string_view members = {});
void reply_body(Exchange* ex, int status, std::string_view content_type, std::string_view body);
void reply_models(Exchange* ex);
void reply_model(Exchange* ex);
void reply_health(Exchange* ex);
void reply_management(Exchange* ex, const ManagementCall& call);

// An error before there is an Exchange (the head itself is bad): written and lingering-closed.
void reply_early_error(ClientConn* conn, const Error& error);

}  // namespace weir
