// Goal: the reply scan accepts exactly what is JSON, and its answers lie inside the text. Method:
// compare with simdjson's tree, which alone refuses numbers that no 64-bit type holds and
// surrogates without a partner, while Weir alone refuses depth above 512.
// And: what is recognised by a reply before it reads as if it were read. Method: learn the text,
// and compare both ways for texts that differ from it in a few bytes.
#include <simdjson.h>

#include <cstdlib>
#include <string>

#include "json/reply_pattern.h"
#include "json/reply_scan.h"
#include "json/request_scan.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

namespace {

void require(bool condition) {
  if (!condition) std::abort();
}

std::string padded(std::string_view text) {
  std::string bytes(text);
  bytes.append(weir::RequestScanner::kPadding, text.empty() ? '}' : text.back());
  return bytes;
}

void require_same(weir::ReplyScanner& scanner, weir::ReplyPattern pattern, std::string_view text) {
  const std::string bytes = padded(text);
  const std::string_view here(bytes.data(), text.size());
  weir::ReplyView read;
  weir::ReplyView known;
  if (!pattern.match(here, &known)) return;
  require(scanner.scan(here, &read).has_value());
  require(read == known);
}

// Texts that differ from `text` in one byte, or hold one more or less, at up to `kPlaces` places.
void check_pattern(weir::ReplyScanner& scanner, std::string_view text) {
  constexpr size_t kPlaces = 32;
  constexpr std::string_view kBytes = "\"\\0a\n\xC3,}";
  weir::ReplyPattern pattern;
  weir::ReplyView view;
  require(scanner.scan(text, &view, &pattern).has_value());
  require_same(scanner, pattern, text);
  const size_t step = text.size() / kPlaces + 1;
  const size_t first = text.empty() ? 0 : static_cast<uint8_t>(text.back()) % step;
  for (size_t at = first; at < text.size(); at += step) {
    std::string other(text);
    other[at] = kBytes[at % kBytes.size()];
    require_same(scanner, pattern, other);
    other = text;
    require_same(scanner, pattern, other.insert(at, 1, kBytes[(at + 1) % kBytes.size()]));
    other = text;
    require_same(scanner, pattern, other.erase(at, 1));
  }
}

}  // namespace

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static weir::ReplyScanner scanner;
  static simdjson::dom::parser parser;
  const std::string body = padded({reinterpret_cast<const char*>(data), size});
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
  check_pattern(scanner, text);
  require((view.finished_mask & ~view.seen_mask) == 0);
  require(view.finished_choices <= view.choice_count);
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
