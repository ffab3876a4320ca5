// Goal: the request scan accepts exactly what is JSON, and a splice changes the model and nothing
// else. Method: compare with simdjson's tree, before and after. simdjson alone refuses numbers that
// no 64-bit type holds and surrogates without a partner; Weir alone refuses depth above 512.
#include <simdjson.h>

#include <cstdlib>
#include <string>

#include "json/edits.h"
#include "json/request_scan.h"

namespace {

void require(bool condition) {
  if (!condition) std::abort();
}

std::string spliced(const weir::RequestView& view) {
  weir::EditList edits(view);
  weir::SliceList slices;
  require(edits.replace(weir::Field::kModel, "\"another \\\" name\"") && edits.build(&slices));
  std::string text;
  for (const weir::Slice& slice : slices.span()) text.append(slice.view());
  return text;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static weir::RequestScanner scanner;
  static simdjson::dom::parser parser, second_parser;
  std::string body(reinterpret_cast<const char*>(data), size);
  // The padding is made of the text's own last byte, which is the likeliest to mislead.
  body.append(weir::RequestScanner::kPadding, size == 0 ? '}' : body.back());
  const std::string_view text(body.data(), size);
  weir::RequestView view;
  const auto result = scanner.scan(text, {}, &view);
  const bool json = result || result.error().code == weir::Errc::kInvalidField;
  simdjson::dom::element root;
  const auto error = parser.parse(text.data(), size).get(root);
  if (json) {
    require(error == simdjson::SUCCESS || error == simdjson::NUMBER_ERROR ||
            error == simdjson::STRING_ERROR);
  } else {
    const bool deep = result.error().message.find("nested") != std::string_view::npos;
    require(error != simdjson::SUCCESS || !root.is_object() || deep);
  }
  if (!result || error != simdjson::SUCCESS) return 0;
  require(root["model"].get_string().value() == view.model);
  simdjson::dom::element changed;
  require(second_parser.parse(spliced(view)).get(changed) == simdjson::SUCCESS);
  require(changed["model"].get_string().value() == "another \" name");
  auto before = simdjson::dom::object(root).begin();
  for (const auto [key, value] : simdjson::dom::object(changed)) {
    require(before.key() == key);
    if (key != "model") require(simdjson::minify(before.value()) == simdjson::minify(value));
    ++before;
  }
  return 0;
}
