// Goal: deciding from the text of a configuration needs no network, no cryptography, no database.
// Method: a program made of weir/decide.h decides 25 requests over three equal targets; the ctest
// then looks at what it links (core_alone.sh).
#include <weir/decide.h>

#include <cstdio>
#include <map>
#include <string>

int main() {
  const auto router = weir::Router::create(
      R"({"providers": [{"name": "a", "type": "loopback"}, {"name": "b", "type": "loopback"},
                        {"name": "c", "type": "loopback"}],
          "models": [{"provider": "a", "id": "m", "alias": "fast"},
                     {"provider": "b", "id": "m", "alias": "fast"},
                     {"provider": "c", "id": "m", "alias": "fast"}]})",
      {});
  if (!router) return std::printf("%s\n", router.error().c_str()), 1;
  weir::Decider decider(router->get(), 0);
  std::string body = R"({"model":"fast","messages":[]})";
  const size_t size = body.size();
  body.resize(size + weir::Decider::kPadding);
  std::map<std::string, int> counts;
  for (uint64_t now = 1; now <= 25; ++now) {
    weir::RequestView request;
    if (!decider.scan({body.data(), size}, &request)) return 2;
    weir::Decision decision = decider.decide({.request = &request, .now_ns = now});
    if (decision.verdict != weir::Verdict::kGo) return 3;
    ++counts[std::string(decision.place.provider)];
    decider.report(&decision, {.now_ns = now});
  }
  std::printf("%d/%d/%d\n", counts["a"], counts["b"], counts["c"]);
  return counts["a"] == 9 && counts["b"] == 8 && counts["c"] == 8 ? 0 : 4;
}
