#include "adapters/anthropic/errors.h"

#include "adapters/common/json_walk.h"
#include "adapters/common/openai_error.h"
#include "json/json_write.h"

namespace weir {

namespace {

struct TypeStatus {
  std::string_view type;
  int status;
};
constexpr TypeStatus kTypes[] = {
    {"invalid_request_error", 400}, {"authentication_error", 401}, {"billing_error", 402},
    {"permission_error", 403},      {"not_found_error", 404},      {"conflict_error", 409},
    {"request_too_large", 413},     {"rate_limit_error", 429},     {"api_error", 500},
    {"timeout_error", 504},         {"overloaded_error", 529},
};

int status_of(std::string_view type) {
  for (const TypeStatus& known : kTypes) {
    if (known.type == type) return known.status;
  }
  return 500;
}

bool holds(std::string_view text, std::string_view phrase) {
  return text.find(phrase) != std::string_view::npos;
}

// An account without money is told with status 400 as well as 402.
bool is_billing(int status, std::string_view type, std::string_view message) {
  if (type == "billing_error" || status == 402) return true;
  return status == 400 && (holds(message, "credit balance") || holds(message, "spend limit"));
}

bool is_context_length(int status, std::string_view message) {
  return (status == 400 || status == 413) &&
         (holds(message, "prompt is too long") || holds(message, "context window") ||
          holds(message, "exceed context limit"));
}

// The type that an OpenAI client knows for a request that was at fault.
std::string_view client_type(int status) {
  return status == 409 ? "conflict_error" : "invalid_request_error";
}

}  // namespace

// An error in the clothes of an answer (status 200) has only its type to say what it is.
void anthropic_map_error(Call& call, const Reply& in, UpstreamError* out) {
  const std::string_view type = json_inner(json_member(json_member(in.body, "error"), "type"));
  const int status = in.status < 300 ? status_of(type) : in.status;
  Reply read = in;
  // An unpaid bill says nothing about the key, so it is not read as a refused one.
  read.status = status == 402 ? 400 : status;
  openai_map_error(call, read, out);
  if (is_billing(status, type, out->message)) {
    out->fault = Fault::kCredential;
    out->code = Errc::kUpstreamQuota;
    out->status = 429;
    out->type = out->wire_code = {};
    return;
  }
  if (out->fault != Fault::kRequest) return;
  out->type = client_type(status);
  if (status == 413) out->wire_code = "request_too_large";
  if (is_context_length(status, out->message)) out->wire_code = "context_length_exceeded";
}

ChunkError anthropic_stream_error(std::string_view error, Arena& arena) {
  ChunkError result;
  const std::string_view type = json_inner(json_member(error, "type"));
  const std::string_view message = json_member(error, "message");
  result.status = status_of(type);
  result.message = json_is_string(message) ? json_unquote(message, arena)
                                           : std::string_view("the provider reported an error");
  if (is_billing(result.status, type, result.message)) {
    result.type = result.code = "insufficient_quota";
  } else if (is_context_length(result.status, result.message)) {
    result.type = "invalid_request_error";
    result.code = "context_length_exceeded";
  } else if (result.status == 404) {
    result.type = "invalid_request_error";
    result.code = "model_not_found";
  } else if (result.status == 413) {
    result.type = "invalid_request_error";
    result.code = "request_too_large";
  }
  return result;
}

}  // namespace weir
