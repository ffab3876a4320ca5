// Reads the errors of watsonx.ai, whole replies and events of a stream alike, and says whose fault
// they are. Worker thread; pure.
#pragma once

#include <string_view>

#include <weir/adapter.h>

namespace weir::watsonx {

// In OpenAI's words; plain text in the arena.
struct ErrorReading {
  int status = 502;  // 429 for a plan's exhausted quota, whatever it came with
  std::string_view type;
  std::string_view code;
  std::string_view message;
  std::string_view param;
};

// False when the body has no list `errors`. `http_status` below 300 stands for the body's own.
[[nodiscard]] bool error_read(std::string_view body, int http_status, Arena& arena,
                              ErrorReading* out);

void map_error(Call& call, const Reply& in, UpstreamError* out);

}  // namespace weir::watsonx
