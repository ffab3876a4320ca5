// Client bytes: the scanner gives the same verdict for every cut, what is accepted passes simple
// checks written another way, and a chunked body decodes as a tiny decoder of the whole says.
#include <string>
#include <string_view>

#include "http/parser.h"
#include "http_checks.h"

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
  if (parsed.framing == Framing::kChunked) fuzz::chunked_check(input.behind(head_size));
  return 0;
}
