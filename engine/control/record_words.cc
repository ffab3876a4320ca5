#include "control/record_words.h"

#include <iterator>

namespace weir {

std::string_view kind_name(RequestKind kind) {
  static constexpr std::string_view kNames[] = {"inference", "models", "health", "management",
                                                "unknown"};
  const auto index = static_cast<size_t>(kind);
  return kNames[index < 4 ? index : 4];
}

std::string_view endpoint_name(Endpoint endpoint) {
  switch (endpoint) {
    case Endpoint::kChat: return "chat/completions";
    case Endpoint::kCompletions: return "completions";
    case Endpoint::kEmbeddings: return "embeddings";
  }
  return "unknown";
}

std::string_view outcome_name(Outcome outcome) {
  static constexpr std::string_view kNames[] = {"completed", "failed", "cancelled", "refused"};
  return kNames[static_cast<size_t>(outcome) & 3];
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

std::string_view fault_name(Fault fault) {
  static constexpr std::string_view kNames[] = {"none",       "target",  "timeout", "rate_limit",
                                                "credential", "request", "client",  "gateway"};
  const auto index = static_cast<size_t>(fault);
  return index < std::size(kNames) ? kNames[index] : "unknown";
}

std::string_view stage_name(size_t stage) {
  static constexpr std::string_view kNames[kStages] = {
      "receive", "parse", "decide", "pool", "connect", "upstream", "translate", "relay"};
  return kNames[stage];
}

std::string_view usage_source_name(UsageSource source) {
  static constexpr std::string_view kNames[] = {"none", "provider", "counted", "estimated"};
  return kNames[static_cast<size_t>(source) & 3];
}

}  // namespace weir
