// The text of one line of the access log, and the names in it.
#include <ctime>

#include "control/access_log.h"
#include "json/json_write.h"

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

// {"a":1,"b":"x"} without commas to think about.
class ObjectWriter {
 public:
  explicit ObjectWriter(std::string* out) : out_(*out) { out_ += '{'; }
  void text(std::string_view name, std::string_view value) {
    key(name);
    json_append_string(&out_, value);
  }
  void number(std::string_view name, int64_t value) {
    key(name);
    append_number(&out_, value);
  }
  void flag(std::string_view name, bool value) {
    key(name);
    out_ += value ? "true" : "false";
  }
  void key(std::string_view name) {
    if (!first_) out_ += ',';
    first_ = false;
    out_ += '"';
    out_ += name;
    out_ += "\":";
  }
  void end() { out_ += '}'; }

 private:
  std::string& out_;
  bool first_ = true;
};

std::string time_text(int64_t unix_ms) {
  const time_t seconds = static_cast<time_t>(unix_ms / 1000);
  tm parts{};
  gmtime_r(&seconds, &parts);
  char text[40];
  const size_t length = strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &parts);
  const std::string ms = std::to_string(1000 + unix_ms % 1000);
  return std::string(text, length) + "." + ms.substr(1) + "Z";
}

std::string_view part(const char* text, size_t length, size_t bound) {
  return {text, length < bound ? length : bound};
}

std::string_view target_name(const Registry& registry, uint32_t slot) {
  if (slot >= registry.targets().size()) return {};
  return registry.targets()[slot].id;
}

void usage_write(const Usage& usage, ObjectWriter* line, std::string* out) {
  if (usage.source == UsageSource::kNone) return;
  line->key("tokens");
  ObjectWriter tokens(out);
  const auto count = [&](std::string_view name, int64_t value) {
    if (value >= 0) tokens.number(name, value);
  };
  count("prompt", usage.prompt_tokens);
  count("completion", usage.completion_tokens);
  count("total", usage.total_tokens);
  count("cached", usage.cached_tokens);
  count("reasoning", usage.reasoning_tokens);
  tokens.text("source", usage_source_name(usage.source));
  tokens.end();
}

void attempts_write(const LedgerRecord& record, const Registry& registry, ObjectWriter* line,
                    std::string* out) {
  if (record.attempt_count == 0) return;
  line->number("attempt_count", record.attempt_count);
  line->key("attempts");
  *out += '[';
  for (size_t i = 0; i < record.attempt_count && i < LedgerRecord::kMaxAttempts; ++i) {
    if (i > 0) *out += ',';
    const AttemptRecord& attempt = record.attempts[i];
    ObjectWriter item(out);
    item.text("target", target_name(registry, attempt.target));
    item.number("status", attempt.status);
    item.text("fault", fault_name(attempt.fault));
    item.number("us", attempt.duration_us);
    item.end();
  }
  *out += ']';
}

void names_write(const LedgerRecord& record, const Registry& registry, ObjectWriter* line) {
  if (const auto* key = registry.key_name(record.principal)) {
    line->text("key", key->name);
    line->text("key_id", key->id);
    line->text("tenant", key->tenant);
  }
  if (record.route < registry.routes().size()) {
    line->text("alias", registry.routes()[record.route].name);
  }
  if (record.series < registry.series().size()) {
    line->text("target", target_name(registry, registry.series()[record.series].target));
  }
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

std::string access_line(const LedgerRecord& record, const Registry& registry) {
  std::string out;
  out.reserve(768);
  ObjectWriter line(&out);
  line.text("time", time_text(record.started_unix_ms));
  line.text("request_id",
            part(record.request_id, record.request_id_len, sizeof record.request_id));
  line.text("peer", part(record.peer, record.peer_len, sizeof record.peer));
  line.text("kind", kind_name(record.kind));
  line.text("method", part(record.method, record.method_len, sizeof record.method));
  if (record.kind == RequestKind::kInference) {
    line.text("endpoint", endpoint_name(record.endpoint));
  } else {
    line.text("path", part(record.path, record.path_len, sizeof record.path));
  }
  names_write(record, registry, &line);
  line.number("status", record.status);
  line.text("outcome", outcome_name(record.outcome));
  if (record.has_error) line.text("error", error_name(record.error));
  line.flag("stream", record.stream);
  line.number("bytes_in", static_cast<int64_t>(record.request_bytes));
  line.number("bytes_out", static_cast<int64_t>(record.response_bytes));
  usage_write(record.usage, &line, &out);
  attempts_write(record, registry, &line, &out);
  line.key("stages_us");
  ObjectWriter stages(&out);
  for (size_t i = 0; i < kStages; ++i) stages.number(stage_name(i), record.stage_us[i]);
  stages.end();
  line.number("total_us", record.total_us);
  line.end();
  return out;
}

}  // namespace weir
