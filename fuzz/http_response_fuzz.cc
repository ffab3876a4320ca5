// Provider bytes: the same checks as for client bytes, that nothing unlisted reaches a client, and
// that llhttp accepts what is accepted and finds the same in it.
#include <string>
#include <string_view>

#include "http/head_fields.h"
#include "http/parser.h"
#include "http/response_memo.h"
#include "http_checks.h"
#include "tests/shared/llhttp_fields.h"
#include "tests/shared/same_head.h"

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
  fuzz::require(parsed != nullptr && size == head_size && same_head(read, *parsed));
}

void memo_check(ResponseMemo* memo, std::string_view bytes) {
  ResponseHead recalled;
  const size_t size = memo->find(bytes, HeadLimits(), &recalled);
  if (size == 0) return;
  HeadScanner scanner(HeadScanner::Kind::kResponse);
  const auto progress = scanner.feed(bytes, HeadLimits());
  fuzz::require(progress && progress->status == HeadScanner::Status::kComplete);
  fuzz::require(progress->consumed == size);
  ResponseHead read;
  fuzz::require(parse_response_head(bytes.substr(0, size), false, &read).has_value());
  fuzz::require(same_head(read, recalled));
}

void memo_checks(std::string_view head, const ResponseHead& parsed) {
  constexpr size_t kPlaces = 64;
  constexpr std::string_view kBytes = "\r\n:a0 \x80";
  ResponseMemo memo;
  memo.keep(head, parsed);
  memo_check(&memo, head);
  const size_t step = head.size() / kPlaces + 1;
  for (size_t at = head.size() % step; at < head.size(); at += step) {
    std::string changed(head);
    changed[at] = kBytes[at % kBytes.size()];
    memo_check(&memo, changed);
    changed = head;
    memo_check(&memo, changed.insert(at, 1, kBytes[(at + 1) % kBytes.size()]));
    changed = head;
    memo_check(&memo, changed.erase(at, 1));
  }
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
    if (!to_head_request) memo_checks(head, parsed);
    if (parsed.framing == Framing::kChunked) fuzz::chunked_check(input.behind(head_size));
  }
  return 0;
}
