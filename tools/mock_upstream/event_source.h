// The events of a streamed answer, made one at a time: `events` content events of about `size`
// bytes, then the finish event of each choice, the usage event and [DONE], as the script says.
// Thread: that of the server. Also the two pieces of JSON that plain answers share.
#pragma once

#include <cstdint>
#include <string>

#include "answer.h"

namespace weir::mock {

class EventSource final : public Source {
 public:
  EventSource(const Script& script, const Request& request, bool chat, const Identity& identity);
  bool next(std::string* piece) override;

 private:
  enum class Stage { kContent, kFinish, kUsage, kDone, kEnd };

  std::string event_json(std::string_view choice, std::string_view usage) const;
  std::string wrap(std::string_view json);
  std::string content_event();
  std::string finish_event();
  std::string delta_json(std::uint64_t choice, std::string_view text) const;
  std::string_view next_text();

  Script script_;
  bool chat_;
  bool usage_asked_;
  Stage stage_ = Stage::kContent;
  std::uint64_t events_;
  std::uint64_t at_ = 0;
  std::uint64_t finished_ = 0;
  std::uint64_t event_id_ = 0;
  std::size_t text_at_ = 0;
  std::size_t text_bytes_ = 1;
  std::string own_text_;  // of an echo or a tool call; else the pool is used
  std::string prefix_;
  std::string fingerprint_;
  std::string tool_;
};

Answer event_answer_make(const Script& script, const Request& request, bool chat,
                         const Identity& identity);

std::string usage_json(const Script& script, std::uint64_t completion_tokens);
std::string tool_name(const Request& request);

}  // namespace weir::mock
