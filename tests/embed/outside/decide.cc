// Decisions only: no network, no threads, no clock but the one that is passed in.
#include <weir/decide.h>

#include <cstdio>
#include <string>

int main() {
  auto router = weir::Router::create(R"(
providers:
  - {name: cloud, type: openai, data: {apikey: "env:NOT_NEEDED_HERE"}}
  - {name: own, type: openai-compatible, data: {base_url: "http://10.0.0.7:8000/v1"}}
models:
  - {provider: cloud, id: gpt-4o-mini, alias: chat, weight: 1}
  - {provider: own, id: llama-3.3-70b, alias: chat, weight: 3}
)",
                                     {});
  if (!router) return std::fprintf(stderr, "%s\n", router.error().c_str()), 1;
  weir::Decider decider(router->get(), 0);

  std::string body = R"({"model": "chat", "messages": [{"role": "user", "content": "hello"}]})";
  const size_t size = body.size();
  body.resize(size + weir::Decider::kPadding);
  weir::RequestView request;
  if (!decider.scan({body.data(), size}, &request)) return 2;

  for (uint64_t now = 1'000'000'000; now < 5'000'000'000; now += 1'000'000'000) {
    weir::Decision decision = decider.decide({.request = &request, .now_ns = now});
    if (decision.verdict != weir::Verdict::kGo) return 3;
    const std::string first(decision.place.provider);
    // The program asks the provider; here `own` is down, and the next one takes over.
    const bool failed = decision.place.provider == "own";
    const bool again = decider.report(
        &decision,
        {.fault = failed ? weir::Fault::kTarget : weir::Fault::kNone, .now_ns = now});
    std::printf("%s%s%.*s\n", first.c_str(), again ? ", then " : "",
                again ? static_cast<int>(decision.place.provider.size()) : 0,
                decision.place.provider.data());
    if (again) decider.report(&decision, {.delivered = true, .now_ns = now});
  }
  return 0;
}
