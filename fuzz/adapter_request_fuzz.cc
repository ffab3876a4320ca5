// Goal: whatever request a client may send, each adapter sends JSON under a head that nothing in
// the request can break: no line end but those between the fields, no empty line. The first byte
// chooses endpoint and settings, the second the model's name, the rest is the body.
#include "fuzz/adapter_setup.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

namespace {

using namespace weir;

void head_check(std::string_view head) {
  if (!head.ends_with("\r\n")) std::abort();
  bool first = true;
  while (!head.empty()) {
    const size_t end = head.find("\r\n");
    const std::string_view line = head.substr(0, end);
    head.remove_prefix(end + 2);
    if (line.empty()) std::abort();
    for (const char c : line) {
      if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) std::abort();
    }
    if (!first && line.find(':') == line.npos) std::abort();
    if (first && !line.ends_with(" HTTP/1.1")) std::abort();
    first = false;
  }
}

void body_check(const SliceList& body, ReplyScanner* scanner) {
  std::string text;
  for (const Slice& slice : body.span()) text.append(slice.view());
  const size_t size = text.size();
  text.append(RequestScanner::kPadding, '\0');
  ReplyView view;
  const std::string_view whole(text.data(), size);
  if (!scanner->scan(whole, &view) || !view.is_object) std::abort();
}

}  // namespace

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 2 || size > 65536) return 0;
  constexpr Endpoint kAsked[] = {Endpoint::kChat, Endpoint::kChat, Endpoint::kCompletions,
                                     Endpoint::kEmbeddings};
  constexpr std::string_view kModels[] = {"m",
                                          "o4-mini",
                                          "gpt-oss-1",
                                          "claude-opus-4-6",
                                          "amazon.titan-embed-text-v2:0",
                                          "cohere.embed-v4:0"};
  const Endpoint endpoint = kAsked[data[0] & 3];
  const FuzzRequest request({reinterpret_cast<const char*>(data) + 2, size - 2});
  if (!request.ok()) return 0;
  for (const Adapter* adapter : adapter_registry()) {
    if (adapter->local || (adapter->endpoints & endpoint_bit(endpoint)) == 0) continue;
    const auto target = fuzz_target(*adapter, kModels[data[1] % std::size(kModels)], endpoint);
    const auto made =
        std::make_unique<FuzzCall>(request.view(), *target, endpoint, (data[0] & 4) != 0);
    made->sends([&](const UpstreamRequest& sent) {
      head_check(sent.head);
      if (!sent.is_get) body_check(sent.body, &made->scanner);
    });
    for (const char c : made->call.dropped_params) {
      if (c < 0x20 || c == 0x7f) std::abort();
    }
  }
  return 0;
}
