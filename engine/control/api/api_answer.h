// Filling in the answer of a ManagementCall: a status with JSON, or an error with its code.
// The worker makes the body of an error from it (proxy/reply.cc). Control thread.
#pragma once

#include <string>
#include <string_view>

#include "link/worker_link.h"

namespace weir {

// `param` names the field that is wrong; empty: no field is.
void api_fail(ManagementCall& call, int status, std::string_view code, std::string message,
              std::string_view param = {});
void api_reply(ManagementCall& call, int status, std::string json);
// 400 invalid_request_error.
void api_refuse(ManagementCall& call, std::string message, std::string_view param = {});

}  // namespace weir
