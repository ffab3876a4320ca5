#include "proxy/reply.h"

#include <algorithm>
#include <cstring>
#include <string>

#include "base/check.h"
#include "http/write.h"
#include "json/json_write.h"
#include "link/worker_link.h"
#include "proxy/client_conn.h"
#include "proxy/exchange.h"
#include "proxy/stages.h"
#include "proxy/worker.h"
#include "route/access.h"

namespace weir {

namespace {

constexpr std::string_view kJson = "application/json";
constexpr std::string_view kInvalid = "invalid_request_error";

void append_error_object(std::string* out, const UpstreamError& error, const WireError& wire,
                         std::string_view request_id) {
  *out += "{\"message\":";
  json_append_string(out, error.message);
  *out += ",\"type\":";
  json_append_string(out, error.type.empty() ? wire.type : error.type);
  *out += ",\"param\":";
  if (error.param.empty()) {
    *out += "null";
  } else {
    json_append_string(out, error.param);
  }
  *out += ",\"code\":";
  json_append_string(out, error.wire_code.empty() ? wire.code : error.wire_code);
  *out += ",\"request_id\":";
  json_append_string(out, request_id);
  *out += '}';
}

void append_error_body(std::string* out, const UpstreamError& error, std::string_view request_id) {
  const WireError wire = wire_error(error.code);
  const std::string_view code = error.wire_code.empty() ? wire.code : error.wire_code;
  *out += "{\"error\":";
  append_error_object(out, error, wire, request_id);
  *out += ",\"errors\":[{\"code\":";
  json_append_string(out, code);
  *out += ",\"message\":";
  json_append_string(out, error.message);
  *out += "}],\"trace\":";
  json_append_string(out, request_id);
  *out += ",\"status_code\":";
  append_number(out, error.status);
  *out += '}';
}

// The SDKs retry 5xx and 429 by themselves; these cannot get better by it.
bool retry_is_useless(Errc code) {
  return code == Errc::kUpstreamAuth || code == Errc::kUpstreamQuota;
}

std::string error_fields(const Exchange* ex, const UpstreamError& error) {
  std::string fields;
  if (error.retry_after_ms >= 0) {
    fields += "retry-after: ";
    append_number(&fields, std::max<int64_t>(1, (error.retry_after_ms + 999) / 1000));
    fields += "\r\n";
  }
  if (retry_is_useless(error.code)) fields += "x-should-retry: false\r\n";
  if (error.code == Errc::kMethodNotAllowed && !ex->match.allow.empty()) {
    fields.append("allow: ").append(ex->match.allow).append("\r\n");
  }
  if (error.code == Errc::kUnauthorized) fields += "www-authenticate: Bearer\r\n";
  return fields;
}

Outcome outcome_of(const Exchange* ex, int status) {
  if (ex->match.place == Place::kInference && !ex->accepted) return Outcome::kRefused;
  return status >= 500 ? Outcome::kFailed : Outcome::kCompleted;
}

void send(Exchange* ex, int status, std::string_view content_type, std::string_view body,
          std::string_view extra) {
  const std::string_view head =
      reply_head(ex, status, content_type, static_cast<int64_t>(body.size()), extra);
  const Slice slice(body);
  const AnswerPart part{.head = head, .status = status, .body = {&slice, ex->head_only ? 0u : 1u}};
  ex->committed = true;
  ex->record.response_bytes += body.size();
  if (ex->client != nullptr) ex->client->ops->write(ex->client, part);
  exchange_finish(ex, outcome_of(ex, status), status, ClientEnd::kNext);
}

void record_early_error(ClientConn* conn, Errc code, int status, std::string_view id) {
  Worker* worker = conn->worker;
  LedgerRecord* record = worker_ledger_slot(worker, false);
  if (record == nullptr) return;
  *record = LedgerRecord{};
  record->started_unix_ms = worker->unix_ms;
  record->total_us = static_cast<uint32_t>((worker->now_ns - conn->first_byte_ns) / 1000);
  record->has_error = true;
  record->error = code;
  record->status = static_cast<uint16_t>(status);
  record->peer_len = static_cast<uint8_t>(strnlen(conn->io->peer, sizeof(conn->io->peer)));
  std::memcpy(record->peer, conn->io->peer, record->peer_len);
  record->request_id_len = static_cast<uint8_t>(id.size());
  std::memcpy(record->request_id, id.data(), id.size());
  worker->link->ledger.publish();
}

void add_connection(const Exchange* ex, ClientWire wire, bool until_close, HeadWriter* writer) {
  const bool keep_alive = ex->client != nullptr && ex->client->keep_alive;
  if (!keep_alive || (until_close && wire == ClientWire::kHttp10)) {
    writer->add("connection: close\r\n");
  } else if (wire == ClientWire::kHttp10) {
    writer->add("connection: keep-alive\r\n");
  }
}

}  // namespace

WireError wire_error(Errc code) {
  switch (code) {
    case Errc::kMalformedRequest:
    case Errc::kInvalidJson:
    case Errc::kInvalidField:
      return {400, kInvalid, "invalid_request_error"};
    case Errc::kUnsupportedParameter:
      return {400, kInvalid, "unsupported_parameter"};
    case Errc::kUnsupportedEndpoint:
      return {400, kInvalid, "unsupported_endpoint"};
    case Errc::kUnauthorized:
      return {401, "authentication_error", "invalid_api_key"};
    case Errc::kAccessDenied:
      return {403, "permission_error", "access_denied"};
    case Errc::kRouteNotFound:
      return {404, kInvalid, "not_found"};
    case Errc::kModelNotFound:
      return {404, kInvalid, "model_not_found"};
    case Errc::kMethodNotAllowed:
      return {405, kInvalid, "method_not_allowed"};
    case Errc::kRequestTimeout:
      return {408, "timeout_error", "request_timeout"};
    case Errc::kLengthRequired:
      return {411, kInvalid, "length_required"};
    case Errc::kBodyTooLarge:
      return {413, kInvalid, "request_too_large"};
    case Errc::kUriTooLong:
      return {414, kInvalid, "uri_too_long"};
    case Errc::kUnsupportedMediaType:
      return {415, kInvalid, "unsupported_media_type"};
    case Errc::kExpectationFailed:
      return {417, kInvalid, "expectation_failed"};
    case Errc::kRateLimited:
    case Errc::kUpstreamRateLimited:
      return {429, "rate_limit_error", "rate_limit_exceeded"};
    case Errc::kUpstreamQuota:
      return {429, "insufficient_quota", "insufficient_quota"};
    case Errc::kHeadTooLarge:
      return {431, kInvalid, "request_header_fields_too_large"};
    case Errc::kNotImplemented:
      return {501, kInvalid, "not_implemented"};
    case Errc::kVersionNotSupported:
      return {505, kInvalid, "http_version_not_supported"};
    case Errc::kLoopDetected:
      return {508, "server_error", "loop_detected"};
    case Errc::kUpstreamRejected:
      return {400, kInvalid, "invalid_request_error"};
    case Errc::kUpstreamAuth:
      return {502, "server_error", "upstream_auth_failed"};
    case Errc::kUpstreamUnavailable:
      return {502, "server_error", "upstream_unavailable"};
    case Errc::kUpstreamOverloaded:
    case Errc::kOverloaded:
      return {503, "server_error", "overloaded"};
    case Errc::kUpstreamTimeout:
      return {504, "timeout_error", "upstream_timeout"};
    case Errc::kUpstreamIncomplete:
      return {502, "server_error", "upstream_incomplete"};
    case Errc::kNoBackend:
      return {503, "server_error", "no_backend_available"};
    case Errc::kInternal:
    case Errc::kConfig:
      return {500, "server_error", "internal_error"};
  }
  return {500, "server_error", "internal_error"};
}

std::string_view error_body(Arena& arena, const UpstreamError& error, std::string_view request_id) {
  std::string text;
  append_error_body(&text, error, request_id);
  return arena.copy(text);
}

std::string_view error_event(Arena& arena, const UpstreamError& error,
                             std::string_view request_id) {
  std::string text = "data: {\"error\":";
  append_error_object(&text, error, wire_error(error.code), request_id);
  text += "}\n\n";
  return arena.copy(text);
}

UpstreamError error_of(const Error& error) {
  UpstreamError out;
  out.fault = error.code == Errc::kUpstreamTimeout ? Fault::kTimeout
              : error.code == Errc::kUpstreamUnavailable || error.code == Errc::kUpstreamIncomplete
                  ? Fault::kTarget
                  : Fault::kGateway;
  out.code = error.code;
  out.status = wire_error(error.code).status;
  out.message = error.message;
  out.param = error.param;
  // Without a hint, clients of an overloaded server come back at once.
  if (error.code == Errc::kOverloaded) out.retry_after_ms = 1000;
  return out;
}

Error body_too_large(Exchange* ex) {
  std::string text = "the request body is larger than ";
  const uint64_t bound = exchange_max_body(ex);
  append_number(&text, static_cast<int64_t>(bound));
  const bool configured = bound == ex->worker->limits.max_body_bytes;
  text += configured ? " bytes (limits.max_body_bytes)" : " bytes, which this route takes at most";
  return {Errc::kBodyTooLarge, ex->arena.copy(text)};
}

std::string_view reply_head(Exchange* ex, int status, std::string_view content_type,
                            int64_t content_length, std::string_view extra) {
  constexpr size_t kFixed = 320;  // status, names, numbers, date
  const Worker* worker = ex->worker;
  const ClientWire wire = ex->client != nullptr ? ex->client->wire : ClientWire::kHttp11;
  const bool limited = limits_shown(ex);
  const size_t room = kFixed + content_type.size() + extra.size() +
                      (limited ? kLimitFieldBytes : 0) + ex->request_id.size() +
                      ex->dropped_params.size() + (ex->show_timing ? kTimingFieldBytes : 0);
  HeadWriter writer = head_begin(&ex->arena, room);
  const bool http = wire != ClientWire::kNone;
  if (http) writer.add_status_line(status);
  const bool has_body = status != 204;  // RFC 9110 8.6: no length either
  if (has_body) {
    writer.add("content-type: ");
    writer.add(content_type);
    writer.add("\r\n");
  }
  if (!has_body) {
    WEIR_DCHECK(content_length == 0);
  } else if (content_length >= 0) {
    writer.add("content-length: ");
    writer.add_number(static_cast<uint64_t>(content_length));
    writer.add("\r\n");
  } else if (wire == ClientWire::kHttp11) {
    writer.add("transfer-encoding: chunked\r\n");
  }
  if (http) writer.add({worker->date, worker->date_len});
  writer.add("x-request-id: ");
  writer.add(ex->request_id);
  writer.add("\r\n");
  if (http) add_connection(ex, wire, content_length < 0, &writer);
  if (ex->attempts > 1) writer.add_field("x-weir-attempts", uint64_t{ex->attempts});
  if (!ex->dropped_params.empty()) {
    writer.add_field("x-weir-dropped-params", ex->dropped_params);
  }
  if (limited) limits_fields(ex, &writer);
  if (ex->show_timing) timing_field(&writer, stage_times(ex->at, worker_clock(ex->worker)));
  writer.add(extra);
  if (http) writer.add_end();
  WEIR_CHECK(!writer.failed);
  return head_finish(writer, &ex->arena);
}

void reply_error(Exchange* ex, const UpstreamError& error, std::string_view extra,
                 std::string_view members) {
  ex->record.has_error = true;
  ex->record.error = error.code;
  std::string fields = error_fields(ex, error);
  fields += extra;
  std::string_view body = error_body(ex->arena, error, ex->request_id);
  if (!members.empty()) {
    body = ex->arena.copy("{" + std::string(members) + "," + std::string(body.substr(1)));
  }
  send(ex, error.status, kJson, body, fields);
}

void reply_body(Exchange* ex, int status, std::string_view content_type, std::string_view body) {
  send(ex, status, content_type, body, {});
}

void reply_health(Exchange* ex) {
  const Worker* worker = ex->worker;
  if (ex->match.place == Place::kHealth) return reply_body(ex, 200, kJson, "{\"status\":\"ok\"}");
  if (worker->draining || worker->publication == nullptr) {
    return reply_body(ex, 503, kJson, "{\"status\":\"draining\"}");
  }
  reply_body(ex, 200, kJson, "{\"status\":\"ready\"}");
}

void reply_management(Exchange* ex, const ManagementCall& call) {
  if (!call.has_error) {
    return send(ex, call.status, call.reply_type, call.reply, call.reply_fields);
  }
  UpstreamError error = error_of({call.error, call.error_message, call.error_param});
  if (call.status != 0) error.status = call.status;
  error.wire_code = call.error_code;
  if (call.retry_after_ms >= 0) error.retry_after_ms = call.retry_after_ms;
  std::string extra = call.reply_fields;
  if (!call.allow.empty()) extra += "allow: " + call.allow + "\r\n";
  reply_error(ex, error, extra, call.error_members);
}

void reply_early_error(ClientConn* conn, const Error& error) {
  const UpstreamError wire = error_of(error);
  std::string body;
  // There is no request yet whose id could be given; one is made so that logs can be matched.
  std::string id = "req-";
  for (int i = 0; i < 24; ++i) id += "0123456789abcdef"[conn->worker->core.next_random() & 15];
  append_error_body(&body, wire, id);
  std::string text = "HTTP/1.1 ";
  append_number(&text, wire.status);
  text.append(" ").append(status_reason(wire.status));
  text += "\r\ncontent-type: application/json\r\ncontent-length: ";
  append_number(&text, static_cast<int64_t>(body.size()));
  text.append("\r\n").append(conn->worker->date, conn->worker->date_len);
  text.append("x-request-id: ").append(id).append("\r\nconnection: close\r\n\r\n").append(body);
  ++conn->worker->metrics.refused_unrouted;
  record_early_error(conn, error.code, wire.status, id);
  const Slice slice(text);
  client_write(conn, {&slice, 1});
}

}  // namespace weir
