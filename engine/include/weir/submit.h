// A request without a socket, and how its answer comes back. Used with weir/engine.h.
//
// Plain values. Every view that goes in is copied before the call returns; every view that comes
// out is borrowed until the callback returns. Callbacks run on the worker's thread, one after
// another, never from inside a call of yours, and may call everything in weir/engine.h but the
// destructor and stop().
#pragma once

#include <cstdint>
#include <string_view>

namespace weir {

struct SubmitRequest {
  std::string_view method = "POST";
  std::string_view target = {};      // path, and the query if there is one
  std::string_view key = {};         // an API key of the configuration, or the admin key
  std::string_view request_id = {};  // empty: one is made
  std::string_view project_id = {};  // x-ibm-project-id
  std::string_view space_id = {};    // x-ibm-space-id
  std::string_view body = {};
};

enum class AnswerEnd : uint8_t {
  kComplete,
  kCut,        // it broke off: what came is not all of it
  kCancelled,  // by cancel(), by a pause that lasted too long, or with the worker
};

// A static table of the caller's; none is null. For each request that was taken: at most one
// on_head, then on_body any number of times, and exactly one on_end, which is the last.
struct AnswerEvents {
  // `fields`: "name: value" lines, each ended by CRLF, names in lower case; see answer_field().
  void (*on_head)(void* user, uint64_t id, int status, std::string_view fields);
  void (*on_body)(void* user, uint64_t id, std::string_view bytes);
  void (*on_end)(void* user, uint64_t id, AnswerEnd end);
};

// The value of one field (its name in lower case), or an empty view.
[[nodiscard]] constexpr std::string_view answer_field(std::string_view fields,
                                                      std::string_view name) {
  while (!fields.empty()) {
    const size_t end = fields.find("\r\n");
    const std::string_view line = fields.substr(0, end);
    fields.remove_prefix(end == std::string_view::npos ? fields.size() : end + 2);
    if (line.size() < name.size() + 2 || line.substr(0, name.size()) != name) continue;
    if (line[name.size()] == ':') return line.substr(name.size() + 2);
  }
  return {};
}

}  // namespace weir
