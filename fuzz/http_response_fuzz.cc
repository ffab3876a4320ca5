// Provider bytes: the same checks as for client bytes, that nothing unlisted reaches a client, and
// that llhttp accepts what is accepted and finds the same in it.
#include <string>
#include <string_view>

#include "http/head_fields.h"
#include "http/parser.h"
#include "http_checks.h"
#include "tests/shared/llhttp_fields.h"

namespace {

using namespace weir;

void head_check(std::string_view head, const ResponseHead& parsed, bool to_head_request) {
  fuzz::require(!fuzz::has_bad_bytes(head));
  fuzz::require(parsed.status >= 100 && parsed.status <= 599 && parsed.status != 101);
  const size_t lengths = fuzz::fields_count(head, "content-length");
  const size_t codings = fuzz::fields_count(head, "transfer-encoding");
  fuzz::require(lengths + codings <= 1);
  const bool bodiless =
      to_head_request || parsed.status < 200 || parsed.status == 204 || parsed.status == 304;
  fuzz::require((parsed.framing == Framing::kNone) == bodiless);
  fuzz::require(!parsed.keep_alive || parsed.framing != Framing::kUntilClose);
  fuzz::require(parsed.kept_count <= ResponseHead::kMaxKept);
  for (size_t i = 0; i < parsed.kept_count; ++i) {
    const std::string name = fuzz::lower(parsed.kept[i].name);
    for (const char* never : {"set-cookie", "server", "connection", "content-", "transfer-encoding",
                              "alt-svc", "access-control-", "openai-organization"}) {
      fuzz::require(!name.starts_with(never));
    }
    fuzz::require(!fuzz::has_bad_bytes(parsed.kept[i].value));
  }
}

void oracle_check(std::string_view head, const ResponseHead& parsed) {
  const LlhttpFields oracle = llhttp_fields(HTTP_RESPONSE, head);
  fuzz::require(oracle.accepted);
  fuzz::require(oracle.status == parsed.status && oracle.minor_version == parsed.minor_version);
  size_t nth = 0;
  fields_walk(head, [&oracle, &nth](std::string_view name, std::string_view value) {
    fuzz::require(nth < oracle.fields.size());
    fuzz::require(oracle.fields[nth].first == name && oracle.fields[nth].second == value);
    ++nth;
  });
  fuzz::require(nth == oracle.fields.size());
}

// Read in one pass it is the same, where that has an opinion.
void one_pass_check(std::string_view bytes, size_t head_size, bool to_head_request,
                    const ResponseHead* parsed) {
  ResponseHead read;
  const size_t size = read_response_head(bytes, HeadLimits(), to_head_request, &read);
  if (size == 0) return;
  fuzz::require(parsed != nullptr && size == head_size);
  fuzz::require(read.status == parsed->status && read.framing == parsed->framing);
  fuzz::require(read.content_length == parsed->content_length);
  fuzz::require(read.keep_alive == parsed->keep_alive && read.kept_count == parsed->kept_count);
  fuzz::require(read.content_type == parsed->content_type && read.date == parsed->date);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const fuzz::CutInput input(data, size);
  const size_t head_size = fuzz::head_size_any_cut(HeadScanner::Kind::kResponse, input);
  if (head_size == 0) return 0;
  const std::string head(input.bytes.substr(0, head_size));
  for (const bool to_head_request : {false, true}) {
    ResponseHead parsed;
    const Result<void> result = parse_response_head(head, to_head_request, &parsed);
    one_pass_check(input.bytes, head_size, to_head_request, result ? &parsed : nullptr);
    if (!result) continue;
    head_check(head, parsed, to_head_request);
    oracle_check(head, parsed);
    if (parsed.framing == Framing::kChunked) fuzz::chunked_check(input.behind(head_size));
  }
  return 0;
}
