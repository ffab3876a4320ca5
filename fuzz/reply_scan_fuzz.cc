// Goal: the reply scan accepts exactly what is JSON, and its answers lie inside the text. Method:
// compare with simdjson's tree, which alone refuses numbers that no 64-bit type holds and
// surrogates without a partner, while Weir alone refuses depth above 512.
#include <simdjson.h>

#include <cstdlib>
#include <string>

#include "json/reply_scan.h"
#include "json/request_scan.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

namespace {

void require(bool condition) {
  if (!condition) std::abort();
}

}  // namespace

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static weir::ReplyScanner scanner;
  static simdjson::dom::parser parser;
  std::string body(reinterpret_cast<const char*>(data), size);
  body.append(weir::RequestScanner::kPadding, size == 0 ? '}' : body.back());
  const std::string_view text(body.data(), size);
  weir::ReplyView view;
  const auto result = scanner.scan(text, &view);
  simdjson::dom::element root;
  const auto error = parser.parse(text.data(), size).get(root);
  if (!result) {
    const bool deep = result.error().message.find("nested") != std::string_view::npos;
    require(error != simdjson::SUCCESS || deep);
    return 0;
  }
  require(error == simdjson::SUCCESS || error == simdjson::NUMBER_ERROR ||
          error == simdjson::STRING_ERROR);
  require((view.finished_mask & ~view.seen_mask) == 0);
  require(view.finished_choices <= view.choice_count);
  if (view.has_usage) {
    require(view.usage_value.end <= size);
    require(body[view.usage_value.begin] == '{' && body[view.usage_value.end - 1] == '}');
  }
  if (error != simdjson::SUCCESS) return 0;
  require(view.is_object == root.is_object());
  if (!view.is_object) return 0;
  size_t choices = 0;
  bool is_list = false;
  for (const auto [key, value] : simdjson::dom::object(root)) {
    if (key != "choices") continue;
    ++choices;
    is_list = value.is_array();
  }
  if (choices == 1) require(view.has_choices == is_list);
  return 0;
}
