#include "adapters/bedrock/fault.h"

#include <algorithm>

#include "adapters/bedrock/event_stream.h"
#include "adapters/common/arena_text.h"
#include "adapters/common/json_walk.h"
#include "adapters/common/openai_error.h"
#include "json/json_write.h"
#include "route/target.h"

namespace weir {

namespace {

constexpr size_t kMaxMessage = 4096;

struct KnownFault {
  std::string_view name;  // without "Exception" at its end
  int status;
  std::string_view type = {};
  std::string_view code = {};
};
// Credentials that are refused count as 403: nothing that the client could change.
constexpr KnownFault kFaults[] = {
    {"Validation", 400},
    {"ServiceQuotaExceeded", 429},
    {"AccessDenied", 403},
    {"UnrecognizedClient", 403},
    {"InvalidSignature", 403},
    {"SignatureDoesNotMatch", 403},
    {"MissingAuthenticationToken", 403},
    {"IncompleteSignature", 403},
    {"InvalidClientTokenId", 403},
    {"ExpiredToken", 403},
    {"RequestExpired", 403},
    {"RequestTimeTooSkewed", 403},
    {"NotAuthorized", 403},
    {"OptInRequired", 403},
    {"ResourceNotFound", 404, "invalid_request_error", "model_not_found"},
    {"ModelTimeout", 408, "timeout_error", "timeout"},
    {"ModelError", 424, "server_error", "model_error"},
    {"ModelStreamError", 424, "server_error", "model_error"},
    {"Throttling", 429, "rate_limit_error", "rate_limit_exceeded"},
    {"TooManyRequests", 429, "rate_limit_error", "rate_limit_exceeded"},
    {"ModelNotReady", 503, "server_error", "model_not_ready"},
    {"InternalServer", 500},
    {"InternalFailure", 500},
    {"ServiceUnavailable", 503},
};

// AWS writes ThrottlingException in replies and throttlingException in streams.
bool same_name(std::string_view sent, std::string_view known) {
  constexpr std::string_view kEnding = "Exception";
  if (sent.ends_with(kEnding)) sent.remove_suffix(kEnding.size());
  if (sent.size() != known.size() || sent.empty()) return false;
  return (sent[0] | 0x20) == (known[0] | 0x20) && sent.substr(1) == known.substr(1);
}

const KnownFault* fault_find(std::string_view name) {
  for (const KnownFault& known : kFaults) {
    if (same_name(name, known.name)) return &known;
  }
  return nullptr;
}

bool holds(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

// AWS repeats the signed request in some refusals, session token included.
std::string_view message_safe(Call& call, std::string_view text) {
  const Provider& provider = *call.target.provider;
  for (const std::string_view secret :
       {std::string_view(provider.credential), provider.option("secret_access_key"),
        provider.option("session_token"), provider.option("access_key_id")}) {
    text = message_clean(text, secret, kMaxMessage, call.arena);
  }
  return text;
}

// The name decides, then some words of the message, which AWS does not promise to keep.
void fault_settle(std::string_view name, std::string_view body, BedrockFault* fault) {
  if (const KnownFault* known = fault_find(name)) {
    fault->status = known->status;
    fault->type = known->type;
    fault->code = known->code;
  }
  const std::string_view message = fault->message;
  fault->quota = same_name(name, "ServiceQuotaExceeded") ||
                 (fault->status == 429 && holds(message, "tokens per day"));
  if (fault->status == 424) {
    const int64_t original = json_integer(json_member(body, "originalStatusCode"), 0);
    if (original >= 400 && original < 500) {
      *fault = {.status = 400, .type = {}, .code = {}, .message = message};
    }
  }
  if (fault->status != 400) return;
  if (holds(message, "model identifier is invalid")) {
    fault->status = 404;
    fault->code = "model_not_found";
  } else if (holds(message, "Input is too long") || holds(message, "too many tokens") ||
             holds(message, "input length and `max_tokens` exceed context limit")) {
    fault->code = "context_length_exceeded";
  }
}

std::string_view body_message(std::string_view body, Arena& arena) {
  for (const std::string_view key : {"message", "Message", "originalMessage"}) {
    const std::string_view value = json_member(body, key);
    if (!json_inner(value).empty()) return json_unquote(value, arena);
  }
  return {};
}

}  // namespace

std::string_view bedrock_fault_name(const Reply& in) {
  std::string_view name = in.field("x-amzn-errortype");
  if (name.empty()) name = json_inner(json_member(in.body, "__type"));
  // "…#Name" and "Name:http://…" both occur.
  name.remove_prefix(std::min(name.find('#') + 1, name.size()));
  return name.substr(0, name.find(':'));
}

bool is_clock_fault(std::string_view name) {
  constexpr std::string_view kNames[] = {"InvalidSignature", "SignatureDoesNotMatch",
                                         "RequestExpired", "RequestTimeTooSkewed"};
  return std::any_of(std::begin(kNames), std::end(kNames),
                     [name](std::string_view known) { return same_name(name, known); });
}

BedrockFault stream_fault_read(Call& call, const StreamMessage& message) {
  BedrockFault fault;
  const bool exception = message.message_type == "exception";
  const std::string_view name = exception ? message.exception_type : message.error_code;
  fault.message = message_safe(
      call, exception ? body_message(message.payload, call.arena) : message.error_message);
  if (fault.message.empty()) fault.message = "the provider ended its answer with an error";
  fault_settle(name, message.payload, &fault);
  if (fault.quota) fault.code = "insufficient_quota";
  if (fault.quota) fault.type = "insufficient_quota";
  return fault;
}

void bedrock_map_error(Call& call, const Reply& in, UpstreamError* out) {
  const std::string_view name = bedrock_fault_name(in);
  BedrockFault fault;
  fault.status = in.status;
  fault.message = body_message(in.body, call.arena);
  fault_settle(name, in.body, &fault);
  Reply reply = in;
  reply.status = in.status < 300 && fault.status == in.status ? 502 : fault.status;
  openai_map_error(call, reply, out);
  if (fault.quota) {
    *out = UpstreamError{};
    out->fault = Fault::kCredential;
    out->code = Errc::kUpstreamQuota;
    out->status = 429;
    out->message = fault.message;
  } else if (!fault.code.empty()) {
    out->wire_code = fault.code;
  }
  if (!fault.message.empty() && out->code == Errc::kUpstreamAuth) {
    const std::string_view name_shown = call.target.provider->name;
    ArenaText text(call.arena, name_shown.size() + fault.message.size() + 64);
    text.add(name_shown).add(" refused the credential it is configured with: ");
    out->message = text.add(fault.message).view();
  } else if (!fault.message.empty()) {
    out->message = fault.message;
  }
  out->message = message_safe(call, out->message);
}

}  // namespace weir
