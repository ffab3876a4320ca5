#include "control/api/api_answer.h"

namespace weir {

namespace {

// The kind of error whose `type` a client is shown with this status.
Errc errc_of(int status) {
  switch (status) {
    case 401: return Errc::kUnauthorized;
    case 403: return Errc::kAccessDenied;
    case 404: return Errc::kRouteNotFound;
    case 405: return Errc::kMethodNotAllowed;
    case 413: return Errc::kBodyTooLarge;
    case 415: return Errc::kUnsupportedMediaType;
    case 429: return Errc::kRateLimited;
    case 500: return Errc::kInternal;
    case 501: return Errc::kNotImplemented;
    case 502: return Errc::kUpstreamUnavailable;
    case 503: return Errc::kOverloaded;
    case 504: return Errc::kUpstreamTimeout;
    default: return Errc::kInvalidField;
  }
}

}  // namespace

void api_fail(ManagementCall& call, int status, std::string_view code, std::string message,
              std::string_view param) {
  call.has_error = true;
  call.status = status;
  call.error = errc_of(status);
  call.error_code = code;
  call.error_message = std::move(message);
  call.error_param = param;
}

void api_reply(ManagementCall& call, int status, std::string json) {
  call.has_error = false;
  call.status = status;
  call.reply = std::move(json);
}

void api_refuse(ManagementCall& call, std::string message, std::string_view param) {
  api_fail(call, 400, "invalid_request_error", std::move(message), param);
}

}  // namespace weir
