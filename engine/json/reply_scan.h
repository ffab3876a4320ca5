// Looks once over a whole JSON reply of a provider, or over the payload of one stream event.
//
// Answers: is it well-formed JSON, does it carry `error`, `choices`, `usage`, which finish reasons.
// Views borrow from the text. Text needs RequestScanner::kPadding readable bytes behind it.
// One scanner per worker, not shared with the request scanner (both are live at once).
#pragma once

#include <memory>
#include <string_view>

#include <weir/types.h>

#include "json/reply_view.h"

namespace weir {

class ReplyPattern;

class ReplyScanner {
 public:
  ReplyScanner();
  ~ReplyScanner();
  ReplyScanner(const ReplyScanner&) = delete;
  ReplyScanner& operator=(const ReplyScanner&) = delete;

  // kInvalidJson when the text is not JSON (whole text checked: UTF-8 and RFC 8259).
  // Message extraction order: error.message, error (string), message, errors[0].message,
  // errorMessage, detail (string or [0].msg), title.
  // With a pattern the same is found faster where the reply is like the last one of that pattern.
  [[nodiscard]] Result<void> scan(std::string_view text, ReplyView* view,
                                  ReplyPattern* pattern = nullptr);
  void shrink();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace weir
