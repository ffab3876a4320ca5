// Goal: the request scan accepts exactly what is JSON, and a splice changes the model and nothing
// else. Method: compare with simdjson's tree, before and after. simdjson alone refuses numbers that
// no 64-bit type holds and surrogates without a partner; Weir alone refuses depth above 512.
// And: what is recognised by a body before it reads as if it were read. Method: learn the text, and
// compare both ways for texts that differ from it in a few bytes.
#include <simdjson.h>

#include <cstdlib>
#include <string>

#include "json/edits.h"
#include "json/index.h"
#include "json/request_pattern.h"
#include "json/request_scan.h"

namespace {

void require(bool condition) {
  if (!condition) std::abort();
}

// The padding is made of the text's own last byte, which is the likeliest to mislead.
std::string padded(std::string_view text) {
  std::string bytes(text);
  bytes.append(weir::RequestScanner::kPadding, text.empty() ? '}' : text.back());
  return bytes;
}

bool same(weir::ByteRange a, weir::ByteRange b) { return a.begin == b.begin && a.end == b.end; }

bool same(const weir::RequestView& a, const weir::RequestView& b) {
  for (size_t i = 0; i < weir::RequestView::kFields; ++i) {
    if (!same(a.members[i].key, b.members[i].key)) return false;
    if (!same(a.members[i].value, b.members[i].value)) return false;
  }
  return a.body.data() == b.body.data() && a.body.size() == b.body.size() &&
         same(a.root, b.root) && a.member_count == b.member_count && a.null_mask == b.null_mask &&
         a.model == b.model && a.user == b.user && a.stream == b.stream &&
         a.include_usage == b.include_usage && a.output_cap == b.output_cap && a.n == b.n;
}

void require_same(const weir::RequestPattern& pattern, std::string_view text) {
  const std::string bytes = padded(text);
  const std::string_view here(bytes.data(), text.size());
  weir::RequestView known;
  size_t bytes_read = 0;
  if (!pattern.match(here, &known, &bytes_read)) return;
  weir::RequestView read;
  require(weir::RequestScanner().scan(here, {}, &read).has_value());
  require(same(read, known));
}

// Texts that differ from `text` in one byte, or hold one more or less, at up to `kPlaces` places.
void check_pattern(std::string_view text, const weir::RequestView& view) {
  constexpr size_t kPlaces = 32;
  constexpr std::string_view kBytes = "\"\\0a\n\xC3,}";
  static weir::JsonIndex index;
  static weir::RequestPattern pattern;
  require(index.build(text, {}) == weir::JsonIndex::Status::kOk);
  if (!pattern.learn(text, {index.positions(), index.count()}, view)) return;
  require_same(pattern, text);
  const size_t step = text.size() / kPlaces + 1;
  const size_t first = static_cast<uint8_t>(text.back()) % step;
  for (size_t at = first; at < text.size(); at += step) {
    std::string other(text);
    other[at] = kBytes[at % kBytes.size()];
    require_same(pattern, other);
    other = text;
    require_same(pattern, other.insert(at, 1, kBytes[(at + 1) % kBytes.size()]));
    other = text;
    require_same(pattern, other.erase(at, 1));
  }
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
  const std::string body = padded({reinterpret_cast<const char*>(data), size});
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
  if (result) check_pattern(text, view);
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
