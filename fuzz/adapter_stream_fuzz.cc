// Goal: whatever bytes a provider streams, each adapter gives the same output however they are cut,
// and never reads or writes outside. The first byte chooses request and cuts, the rest is the
// stream. An adapter without a transform passes bytes and has nothing to find here.
#include <algorithm>

#include "fuzz/adapter_setup.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

namespace {

using namespace weir;

struct Output {
  std::string text;
  StreamFacts facts;
  bool ok = true;
};

Output stream_run(const Target& target, const RequestView& view, std::string_view bytes,
                  size_t step) {
  const auto made = std::make_unique<FuzzCall>(view, target, Endpoint::kChat, false);
  made->sends([](const UpstreamRequest&) {});
  Output out;
  for (size_t at = 0; at <= bytes.size() && out.ok; at += step) {
    const bool end = at + step > bytes.size();
    for (const auto phase : {StreamPhase::kEvents, StreamPhase::kEnd}) {
      if (phase == StreamPhase::kEnd && !end) break;
      // An exact copy, so that a read past the piece is seen.
      const std::string_view piece = phase == StreamPhase::kEnd ? "" : bytes.substr(at, step);
      const auto copy = std::make_unique<char[]>(piece.size() + 1);
      std::copy(piece.begin(), piece.end(), copy.get());
      made->scratch.reset();
      SliceList slices;
      const std::string_view given(copy.get(), piece.size());
      const auto transform = target.adapter->transform_stream;
      out.ok = transform(made->call, phase, given, &slices, &out.facts).has_value();
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
  std::string body = R"({"model":"m","stream":true,"messages":[{"role":"user","content":"a"}])";
  body += (data[0] & 1) != 0 ? R"(,"stream_options":{"include_usage":true}})" : "}";
  const FuzzRequest request(body);
  if (!request.ok()) std::abort();
  for (const Adapter* adapter : adapter_registry()) {
    if (adapter->transform_stream == nullptr) continue;
    const auto target = fuzz_target(*adapter, "m", Endpoint::kChat);
    const Output whole = stream_run(*target, request.view(), bytes, bytes.size() + 1);
    const Output cut = stream_run(*target, request.view(), bytes, 1 + (data[0] >> 1) % 32);
    if (whole.ok != cut.ok) std::abort();
    if (whole.ok && whole.text != cut.text) std::abort();
    if (whole.ok && whole.facts.seen_choices != cut.facts.seen_choices) std::abort();
  }
  return 0;
}
