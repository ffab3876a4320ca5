// The text of one line of the access log, and the names in it.
#include <ctime>
#include <memory>

#include "control/access_log.h"
#include "control/line_writer.h"

namespace weir {

namespace {

std::string_view endpoint_name(Endpoint endpoint) {
  switch (endpoint) {
    case Endpoint::kChat: return "chat/completions";
    case Endpoint::kCompletions: return "completions";
    case Endpoint::kEmbeddings: return "embeddings";
  }
  return "unknown";
}

std::string_view kind_name(RequestKind kind) {
  static constexpr std::string_view kNames[] = {"inference", "models", "health", "management",
                                                "unknown"};
  const auto index = static_cast<size_t>(kind);
  return kNames[index < 4 ? index : 4];
}

std::string_view error_name(Errc code) {
  static constexpr std::string_view kNames[] = {
      "malformed_request", "invalid_json", "invalid_field", "unsupported_parameter",
      "unsupported_endpoint", "invalid_api_key", "access_denied", "route_not_found",
      "model_not_found", "method_not_allowed", "request_timeout", "length_required",
      "body_too_large", "uri_too_long", "unsupported_media_type", "expectation_failed",
      "rate_limit_exceeded", "head_too_large", "not_implemented", "version_not_supported",
      "loop_detected", "upstream_rejected", "upstream_rate_limited", "upstream_quota",
      "upstream_auth_failed", "upstream_unavailable", "upstream_overloaded", "upstream_timeout",
      "upstream_incomplete", "no_backend_available", "overloaded", "internal_error", "config"};
  static_assert(std::size(kNames) == static_cast<size_t>(Errc::kConfig) + 1);
  const auto index = static_cast<size_t>(code);
  return index < std::size(kNames) ? kNames[index] : "unknown";
}

// RFC 3339 with milliseconds, up to the Z. The seconds' text is made once a second.
void time_write(int64_t unix_ms, LineWriter* line) {
  thread_local int64_t cached_s = -1;
  thread_local char text[24];
  thread_local size_t length = 0;
  const int64_t unix_s = unix_ms / 1000;
  if (unix_s != cached_s) {
    const auto seconds = static_cast<time_t>(unix_s);
    tm parts{};
    gmtime_r(&seconds, &parts);
    length = strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S.", &parts);
    cached_s = unix_s;
  }
  line->literal("{\"time\":\"");
  line->raw({text, length});
  line->milliseconds(static_cast<uint32_t>(unix_ms % 1000));
}

// The key comes with all that stands before the value.
template <size_t N>
[[gnu::always_inline]] inline void text_write(const char (&key)[N], std::string_view value,
                                              LineWriter* line) {
  line->literal(key);
  line->string(value);
}

// One of our own names, which needs no escape; the key's text ends in the opening quote.
template <size_t N>
[[gnu::always_inline]] inline void name_write(const char (&key)[N], std::string_view name,
                                              LineWriter* line) {
  line->literal(key);
  line->raw(name);
  line->literal("\"");
}

template <size_t N>
[[gnu::always_inline]] inline void number_write(const char (&key)[N], uint64_t value,
                                                LineWriter* line) {
  line->literal(key);
  line->number(value);
}

std::string_view part(const char* text, size_t length, size_t bound) {
  return {text, length < bound ? length : bound};
}

template <size_t N>
void count_write(const char (&key)[N], int64_t value, LineWriter* line) {
  if (value < 0) return;
  number_write(key, static_cast<uint64_t>(value), line);
  line->literal(",");
}

// An answer from the reply cache used no tokens, and says so.
void usage_write(const Usage& usage, bool cached, LineWriter* line) {
  if (usage.source == UsageSource::kNone && !cached) return;
  line->literal(",\"tokens\":{");
  count_write("\"prompt\":", usage.prompt_tokens, line);
  count_write("\"completion\":", usage.completion_tokens, line);
  count_write("\"total\":", usage.total_tokens, line);
  count_write("\"cached\":", usage.cached_tokens, line);
  count_write("\"reasoning\":", usage.reasoning_tokens, line);
  name_write("\"source\":\"", cached ? "cache" : usage_source_name(usage.source), line);
  line->literal("}");
}

// Room for all but texts: names of members, numbers, and our own names.
constexpr size_t kFixedRoom = 2048;

size_t room_of(const LedgerRecord& record, const RecordNames::Names& names,
               const Registry& registry) {
  size_t room = kFixedRoom + names.members.size();
  room += LineWriter::string_room(sizeof record.request_id + sizeof record.peer +
                                  sizeof record.method + sizeof record.path);
  for (size_t i = 0; i < record.attempt_count && i < LedgerRecord::kMaxAttempts; ++i) {
    const uint32_t target = record.attempts[i].target;
    room += target == names.target ? names.target_quoted.size()
                                   : LineWriter::string_room(target_name(registry, target).size());
  }
  return room;
}

void attempts_write(const LedgerRecord& record, const RecordNames::Names& names,
                    const Registry& registry, LineWriter* line) {
  if (record.attempt_count == 0) return;
  number_write(",\"attempt_count\":", record.attempt_count, line);
  line->literal(",\"attempts\":[");
  for (size_t i = 0; i < record.attempt_count && i < LedgerRecord::kMaxAttempts; ++i) {
    const AttemptRecord& attempt = record.attempts[i];
    if (i > 0) line->literal(",");
    line->literal("{\"target\":");
    if (attempt.target == names.target) {
      line->raw(names.target_quoted);
    } else {
      line->string(target_name(registry, attempt.target));
    }
    number_write(",\"status\":", attempt.status, line);
    name_write(",\"fault\":\"", fault_name(attempt.fault), line);
    number_write(",\"us\":", attempt.duration_us, line);
    line->literal("}");
  }
  line->literal("]");
}

// What the request was: who asked for what, from where.
void request_write(const LedgerRecord& record, LineWriter* line) {
  text_write("Z\",\"request_id\":",
             part(record.request_id, record.request_id_len, sizeof record.request_id), line);
  text_write(",\"peer\":", part(record.peer, record.peer_len, sizeof record.peer), line);
  name_write(",\"kind\":\"", kind_name(record.kind), line);
  text_write(",\"method\":", part(record.method, record.method_len, sizeof record.method), line);
  if (record.kind == RequestKind::kInference) {
    name_write(",\"endpoint\":\"", endpoint_name(record.endpoint), line);
  } else {
    text_write(",\"path\":", part(record.path, record.path_len, sizeof record.path), line);
  }
}

// The keys are the names of stage_name(), in their order.
void stages_write(const LedgerRecord& record, LineWriter* line) {
  const auto us = [&record](Stage stage) { return record.stage_us[static_cast<size_t>(stage)]; };
  number_write(",\"stages_us\":{\"receive\":", us(Stage::kReceive), line);
  number_write(",\"parse\":", us(Stage::kParse), line);
  number_write(",\"decide\":", us(Stage::kDecide), line);
  number_write(",\"pool\":", us(Stage::kPool), line);
  number_write(",\"connect\":", us(Stage::kConnect), line);
  number_write(",\"upstream\":", us(Stage::kUpstream), line);
  number_write(",\"translate\":", us(Stage::kTranslate), line);
  number_write(",\"relay\":", us(Stage::kRelay), line);
  number_write("},\"total_us\":", record.total_us, line);
}

}  // namespace

std::string_view outcome_name(Outcome outcome) {
  static constexpr std::string_view kNames[] = {"completed", "failed", "cancelled", "refused"};
  return kNames[static_cast<size_t>(outcome) & 3];
}

std::string_view stage_name(size_t stage) {
  static constexpr std::string_view kNames[kStages] = {
      "receive", "parse", "decide", "pool", "connect", "upstream", "translate", "relay"};
  return kNames[stage];
}

std::string_view fault_name(Fault fault) {
  static constexpr std::string_view kNames[] = {"none",       "target",  "timeout", "rate_limit",
                                                "credential", "request", "client",  "gateway"};
  const auto index = static_cast<size_t>(fault);
  return index < std::size(kNames) ? kNames[index] : "unknown";
}

std::string_view usage_source_name(UsageSource source) {
  static constexpr std::string_view kNames[] = {"none", "provider", "counted", "estimated"};
  return kNames[static_cast<size_t>(source) & 3];
}

void access_line(const LedgerRecord& record, const RecordNames::Names& names,
                 const Registry& registry, LineWriter* line) {
  if (!line->begin(room_of(record, names, registry))) return;
  time_write(record.started_unix_ms, line);
  request_write(record, line);
  line->raw(names.members);
  number_write(",\"status\":", record.status, line);
  name_write(",\"outcome\":\"", outcome_name(record.outcome), line);
  if (record.has_error) name_write(",\"error\":\"", error_name(record.error), line);
  if (record.stream) {
    line->literal(",\"stream\":true");
  } else {
    line->literal(",\"stream\":false");
  }
  number_write(",\"bytes_in\":", record.request_bytes, line);
  number_write(",\"bytes_out\":", record.response_bytes, line);
  usage_write(record.usage, record.cached, line);
  attempts_write(record, names, registry, line);
  stages_write(record, line);
  line->literal("}");
}

std::string access_line(const LedgerRecord& record, const Registry& registry) {
  const auto memory = std::make_unique<char[]>(LineWriter::kBytes);
  LineWriter line(memory.get());
  RecordNames names;
  access_line(record, names.of(record, registry), registry, &line);
  return std::string(line.view());
}

}  // namespace weir
