#include "adapters/watsonxai/arguments.h"

#include <cstring>

#include "adapters/common/arena_text.h"
#include "adapters/common/json_walk.h"
#include "json/json_write.h"
#include "json/reply_scan.h"
#include "json/request_scan.h"

namespace weir::watsonx {

ArgumentsForm arguments_form(std::string_view escaped) {
  size_t at = 0;
  while (at < escaped.size()) {
    if (escaped[at] == ' ') {
      ++at;
      continue;
    }
    if (escaped[at] != '\\' || at + 1 == escaped.size()) return ArgumentsForm::kPlain;
    const char letter = escaped[at + 1];
    if (letter == '"') return ArgumentsForm::kQuoted;
    if (letter != 'n' && letter != 't' && letter != 'r') return ArgumentsForm::kPlain;
    at += 2;
  }
  return ArgumentsForm::kBlank;
}

bool json_is_whole(Call& call, std::string_view text, bool object) {
  char* padded = call.scratch.allocate(text.size() + RequestScanner::kPadding);
  if (!text.empty()) std::memcpy(padded, text.data(), text.size());
  std::memset(padded + text.size(), 0, RequestScanner::kPadding);
  ReplyView view;
  return call.scanner.scan({padded, text.size()}, &view).has_value() &&
         (!object || view.is_object);
}

std::string_view arguments_unwrap(Call& call, std::string_view escaped) {
  ArenaText token(call.scratch, escaped.size() + 2);
  token.add("\"").add(escaped).add("\"");
  const std::string_view outer = json_trim(json_unquote(token.view(), call.scratch));
  if (!json_is_string(outer) || !json_is_whole(call, outer, false)) return {};
  const std::string_view inner = json_trim(json_unquote(outer, call.scratch));
  if (!json_is_object(inner) || !json_is_whole(call, inner, true)) return {};
  return json_inner(json_quote(inner, call.scratch));
}

}  // namespace weir::watsonx
