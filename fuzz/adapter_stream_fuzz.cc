// Goal: whatever bytes a provider streams, each adapter gives the same output however they are cut,
// and never reads or writes outside. The first byte chooses request and cuts, the rest is the
// stream.
#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>

#include "adapters/common/openai_shape.h"
#include "adapters/registry.h"
#include "base/arena.h"
#include "http/sse.h"
#include "json/reply_scan.h"
#include "json/request_scan.h"
#include "route/target.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

namespace {

using namespace weir;

struct Output {
  std::string text;
  StreamFacts facts;
  bool ok = true;
};

Output stream_run(const Adapter& adapter, const RequestView& view, const Target& target,
                  std::string_view bytes, size_t step) {
  Arena arena, scratch;
  static ReplyScanner scanner;
  AdapterState state;
  Call call{.request = view,
            .target = target,
            .endpoint = Endpoint::kChat,
            .unix_ms = 1'700'000'000'000,
            .random = {1, 2},
            .request_id = {},
            .token = {},
            .arena = arena,
            .scratch = scratch,
            .scanner = scanner,
            .state = state,
            .dropped_params = {}};
  Output out;
  for (size_t at = 0; at <= bytes.size() && out.ok; at += step) {
    const bool end = at + step > bytes.size();
    for (const auto phase : {StreamPhase::kEvents, StreamPhase::kEnd}) {
      if (phase == StreamPhase::kEnd && !end) break;
      // An exact copy, so that a read past the piece is seen.
      const std::string_view piece = phase == StreamPhase::kEnd ? "" : bytes.substr(at, step);
      const auto copy = std::make_unique<char[]>(piece.size() + 1);
      std::copy(piece.begin(), piece.end(), copy.get());
      scratch.reset();
      SliceList slices;
      out.ok =
          adapter.transform_stream(call, phase, {copy.get(), piece.size()}, &slices, &out.facts)
              .has_value();
      for (const Slice& slice : slices.span()) out.text.append(slice.view());
      if (!out.ok) break;
    }
  }
  return out;
}

}  // namespace

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 1 || size > 65536) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  std::string body = R"({"model":"m","stream":true,"messages":[])";
  body += (data[0] & 1) != 0 ? R"(,"stream_options":{"include_usage":true}})" : "}";
  body.resize(body.size() + RequestScanner::kPadding);
  RequestScanner scanner;
  RequestView view;
  const std::string_view request =
      std::string_view(body).substr(0, body.size() - RequestScanner::kPadding);
  if (!scanner.scan(request, {}, &view)) std::abort();
  Target target;
  target.provider = std::make_shared<Provider>();
  target.model_json = "\"m\"";
  for (const Adapter* adapter : adapter_registry()) {
    if (adapter->transform_stream == nullptr) continue;
    const Output whole = stream_run(*adapter, view, target, bytes, bytes.size() + 1);
    const Output cut = stream_run(*adapter, view, target, bytes, 1 + (data[0] >> 1) % 32);
    if (whole.ok != cut.ok) std::abort();
    if (whole.ok && whole.text != cut.text) std::abort();
    if (whole.ok && whole.facts.seen_choices != cut.facts.seen_choices) std::abort();
  }
  return 0;
}
