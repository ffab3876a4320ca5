// Goal: a program that only decides links weir_core and nothing else: no libuv, no OpenSSL.
// Method: builds a snapshot by hand, finds the key, scans a body, finds the route and chooses a
// target for 25 requests; then one target fails and the others take over. Exits 0 when each target
// had its share.
#include <array>
#include <cstdio>
#include <memory>
#include <string>
#include <utility>

#include "json/request_scan.h"
#include "route/decide.h"
#include "route/health.h"
#include "route/snapshot.h"

namespace {

constexpr weir::KeyDigest kKey = {1, 2, 3};

std::unique_ptr<const weir::Snapshot> build(std::array<weir::TargetHealth, 3>& health) {
  weir::Route route;
  route.name = "fast";
  route.tenant = "default";
  route.environment = "production";
  for (uint32_t i = 0; i < health.size(); ++i) {
    weir::Target& target = route.targets.emplace_back();
    target.id = "provider/model-" + std::to_string(i);
    target.slot = i;
    target.health = &health[i];
    target.heads[weir::endpoint_index(weir::Endpoint::kChat)] = "POST /v1/chat/completions";
  }
  weir::Principal principal;
  principal.tenant = "default";
  principal.environment = "production";
  weir::SnapshotBuilder builder(1, 2026);
  if (!builder.add_route(std::move(route))) return nullptr;
  if (!builder.add_principal(kKey, std::move(principal))) return nullptr;
  return builder.build();
}

// The target of one request, or -1.
int decide_once(const weir::Snapshot& snapshot, weir::CoreState& core,
                weir::RequestScanner& scanner, weir::Millis now) {
  std::string body = R"({"model":"fast","messages":[{"role":"user","content":"hello"}]})";
  const size_t size = body.size();
  body.resize(size + weir::RequestScanner::kPadding, ' ');
  weir::RequestView view;
  if (!scanner.scan({body.data(), size}, {}, &view)) return -1;
  const weir::Principal* principal = snapshot.find_principal(kKey);
  if (principal == nullptr) return -1;
  const weir::Route* route =
      snapshot.find_route(principal->tenant, principal->environment, view.model);
  if (route == nullptr) return -1;
  const auto pick = weir::decide(*route, core, {}, weir::Endpoint::kChat, now);
  return pick ? pick->index : -1;
}

}  // namespace

int main() {
  std::array<weir::TargetHealth, 3> health;
  const auto snapshot = build(health);
  if (snapshot == nullptr) return 1;
  weir::CoreState core(0, 1, 1);
  core.adopt(*snapshot);
  weir::RequestScanner scanner;

  std::array<int, 3> counts{};
  for (int i = 0; i < 25; ++i) {
    const int index = decide_once(*snapshot, core, scanner, 0);
    if (index < 0) return 2;
    ++counts[static_cast<size_t>(index)];
  }
  std::printf("%d/%d/%d\n", counts[0], counts[1], counts[2]);
  if (counts != std::array<int, 3>{9, 8, 8}) return 3;

  health[0].on_fault({1, false}, weir::Fault::kTarget, 1000, -1, 1);
  for (int i = 0; i < 25; ++i) {
    if (decide_once(*snapshot, core, scanner, 2) < 1) return 4;
  }
  return 0;
}
