// Client bytes: the scanner gives the same verdict for every cut, what is accepted passes simple
// checks written another way, and a chunked body decodes as a tiny decoder of the whole says.
#include <string>
#include <string_view>

#include "http/head_memo.h"
#include "http/parser.h"
#include "http_checks.h"
#include "tests/shared/same_head.h"

namespace {

using namespace weir;

void head_check(std::string_view head, const RequestHead& parsed) {
  fuzz::require(!fuzz::has_bad_bytes(head));
  const size_t hosts = fuzz::fields_count(head, "host");
  fuzz::require(hosts == 1 || (hosts == 0 && parsed.minor_version == 0));
  fuzz::require(fuzz::fields_count(head, "authorization") <= 1);
  const size_t lengths = fuzz::fields_count(head, "content-length");
  const size_t codings = fuzz::fields_count(head, "transfer-encoding");
  fuzz::require(lengths + codings <= 1);
  fuzz::require((parsed.framing == Framing::kChunked) == (codings == 1));
  fuzz::require((parsed.framing == Framing::kLength) == (lengths == 1));
  fuzz::require(codings == 0 || parsed.minor_version == 1);
  fuzz::require(parsed.method != Method::kOther);
  fuzz::require(parsed.path.starts_with('/') || parsed.path == "*");
  fuzz::require(parsed.target.find('#') == std::string_view::npos);
  fuzz::require(head.find("\r\n\r\n", 2) == head.size() - 4);
}

void memo_check(HeadMemo* memo, std::string_view text) {
  HeadMemo::Hint hint;
  RequestHead recalled;
  const size_t size = memo->find(text, HeadLimits(), &hint, &recalled);
  if (size == 0) return;
  HeadScanner scanner(HeadScanner::Kind::kRequest);
  const auto progress = scanner.feed(text, HeadLimits());
  fuzz::require(progress.has_value() && progress->status == HeadScanner::Status::kComplete);
  fuzz::require(progress->consumed == size);
  RequestHead plain;
  fuzz::require(parse_request_head(text.substr(0, size), &plain).has_value());
  fuzz::require(same_head(plain, recalled));
}

// Every byte replaced by, and moved aside for, one that the input chooses.
void memo_checks(std::string_view head, const RequestHead& parsed, char byte) {
  HeadMemo memo;
  HeadMemo::Hint hint;
  memo.keep(head, parsed, &hint);
  memo_check(&memo, head);
  for (size_t at = 0; at < head.size(); ++at) {
    std::string changed(head);
    changed[at] = byte;
    memo_check(&memo, changed);
    changed.insert(at, 1, head[at]);
    memo_check(&memo, changed);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const fuzz::CutInput input(data, size);
  const size_t head_size = fuzz::head_size_any_cut(HeadScanner::Kind::kRequest, input);
  if (head_size == 0) return 0;
  const std::string head(input.bytes.substr(0, head_size));
  RequestHead parsed;
  const Result<void> result = parse_request_head(head, &parsed);
  if (!result) return 0;
  head_check(head, parsed);
  memo_checks(head, parsed, static_cast<char>(data[0]));
  if (parsed.framing == Framing::kChunked) fuzz::chunked_check(input.behind(head_size));
  return 0;
}
