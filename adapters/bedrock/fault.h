// What a failure at Bedrock means: AWS names each kind, in a field of the reply, in its body or in
// the headers of an event.
//
// A name goes before the HTTP status, which AWS uses loosely (credentials are refused with 400, 401
// and 403). No message holds any part of the keys or of the session token. Worker thread; pure.
#pragma once

#include <string_view>

#include <weir/adapter.h>

namespace weir {

struct StreamMessage;

struct BedrockFault {
  int status = 502;       // of HTTP, as the common reading of errors takes it
  std::string_view type;  // empty: by status
  std::string_view code;  // empty: by status
  std::string_view message;
  bool quota = false;  // not before somebody pays or a day is over
};

// map_error() of the table.
void bedrock_map_error(Call& call, const Reply& in, UpstreamError* out);

// An exception or error message of an event stream.
[[nodiscard]] BedrockFault stream_fault_read(Call& call, const StreamMessage& message);

// "ThrottlingException" of a failed reply, from its field or its body; empty when it has none.
[[nodiscard]] std::string_view bedrock_fault_name(const Reply& in);

// True for the names of a signature that was refused for its time.
[[nodiscard]] bool is_clock_fault(std::string_view name);

}  // namespace weir
