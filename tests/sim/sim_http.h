// Requests, replies and a reader of answers for the simulation. The texts are small and say nothing
// about a real provider; the reader is strict, and knows only what Weir itself writes. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace weir {

struct SimAnswer {
  int status = 0;
  bool whole = false;  // framing says that the body is complete
  std::string head;    // status line and fields, without the blank line
  std::string body;    // decoded
  [[nodiscard]] std::string_view field(std::string_view name) const;
};

// `{"model":MODEL,...}` with a short chat; `extra` is put behind, as in `,"stream":true`.
[[nodiscard]] std::string sim_chat_body(std::string_view model, std::string_view extra = {});
// A POST of `body` with the client's key. `fields` are complete lines.
[[nodiscard]] std::string sim_post(std::string_view body, std::string_view fields = {},
                                   std::string_view path = "/v1/chat/completions");
[[nodiscard]] std::string sim_chat(std::string_view model = "m", std::string_view extra = {});
[[nodiscard]] std::string sim_stream(std::string_view model = "m");
[[nodiscard]] std::string sim_get(std::string_view path, std::string_view fields = {});

// A reply with Content-Length.
[[nodiscard]] std::string sim_reply(int status, std::string_view body,
                                    std::string_view fields = {});
// A good chat answer of a provider.
[[nodiscard]] std::string sim_ok_body();
[[nodiscard]] std::string sim_chunk(std::string_view bytes);
extern const std::string_view kSimStreamHead;  // of a chunked event stream
extern const std::string_view kSimLastChunk;
// One event with a piece of text; the last one has a finish_reason.
[[nodiscard]] std::string sim_event(std::string_view text, bool last = false);

// Everything a client got; `ended` means that the connection is closed (for bodies without length).
[[nodiscard]] std::vector<SimAnswer> sim_answers(std::string_view bytes, bool ended = false);

}  // namespace weir
