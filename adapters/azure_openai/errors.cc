#include "adapters/azure_openai/errors.h"

#include <algorithm>
#include <charconv>
#include <string>

#include "adapters/common/arena_text.h"
#include "adapters/common/openai_error.h"
#include "adapters/common/retry_after.h"

namespace weir {

namespace {

bool is_number(std::string_view text) {
  return !text.empty() &&
         std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

// OpenAI's word for what Azure leaves to the status.
std::string_view code_of(int status) {
  switch (status) {
    case 401:
      return "invalid_api_key";
    case 403:
      return "permission_denied";
    case 404:
      return "model_not_found";
    case 409:
      return "conflict";
    case 413:
      return "request_too_large";
    default:
      return {};
  }
}

bool starts_without_case(std::string_view text, std::string_view lower) {
  return text.size() >= lower.size() &&
         std::equal(lower.begin(), lower.end(), text.begin(), [](char a, char b) {
           return a == (b >= 'A' && b <= 'Z' ? static_cast<char>(b + 32) : b);
         });
}

std::string_view joined(Call& call, std::string_view message, std::string_view hint) {
  ArenaText text(call.arena, message.size() + hint.size() + 8);
  return text.add(message).add(" (").add(hint).add(")").view();
}

}  // namespace

int64_t wait_in_words_s(std::string_view message) {
  constexpr std::string_view kPhrases[] = {"try again in ", "try again after ", "retry in ",
                                           "retry after "};
  for (size_t at = 0; at < message.size(); ++at) {
    for (const std::string_view phrase : kPhrases) {
      const std::string_view rest = message.substr(at);
      if (!starts_without_case(rest, phrase)) continue;
      int64_t seconds = -1;
      const char* const from = rest.data() + phrase.size();
      const char* const end = rest.data() + rest.size();
      const auto [last, error] = std::from_chars(from, end, seconds);
      if (error != std::errc() || seconds < 0) continue;
      const std::string_view unit(last, static_cast<size_t>(end - last));
      if (starts_without_case(unit, " second")) return seconds;
    }
  }
  return -1;
}

void azure_map_error(Call& call, const Reply& in, UpstreamError* out) {
  openai_map_error(call, in, out);
  if (out->retry_after_ms < 0 && out->code == Errc::kUpstreamRateLimited) {
    const int64_t seconds = wait_in_words_s(out->message);
    if (seconds >= 0) out->retry_after_ms = std::min(seconds * 1000, kMaxRetryAfterMs);
  }
  if (out->code != Errc::kUpstreamRejected) return;
  if (out->status == 404 && is_number(out->wire_code)) {
    out->message = joined(call, out->message, "is the provider's base_url or api_version right?");
  }
  if (out->wire_code == "DeploymentNotFound") {
    out->message = joined(call, out->message, "DeploymentNotFound");
    out->wire_code = "model_not_found";
  }
  if (is_number(out->wire_code)) out->wire_code = code_of(out->status);
}

}  // namespace weir
