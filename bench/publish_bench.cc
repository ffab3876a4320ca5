// From a change of the catalog to a snapshot that workers could take: everything anew, one model
// among 10,000 (an alias each, so 30,000 names), and one policy about them. Without a database and
// without workers.
#include <benchmark/benchmark.h>

#include <memory>
#include <string>

#include "adapters/common/openai_request.h"
#include "adapters/registry.h"
#include "control/config_load.h"
#include "control/object_ids.h"
#include "control/publisher.h"
#include "control/store/catalog_source.h"
#include "control/store/merge.h"

namespace weir {

namespace {

constexpr int kModels = 10'000;

struct World {
  World() {
    options.adapters = adapter_registry();
    LoadedConfig loaded = config_load_text("log: {access: \"off\"}\n", "bench", "", options);
    object_ids_fill(&loaded.config);
    file = std::move(loaded.config);
    if (!catalog.set_file(file, 1)) std::abort();
    ProviderObject provider;
    provider.config.name = "p";
    provider.config.type = "openai";
    provider.data = {{"apikey", Secret("sk-some-key-of-usual-length")}};
    const auto made = catalog.create(std::move(provider), 1);
    if (!made) std::abort();
    provider_uuid = (*made)->uuid;
    for (int i = 0; i < kModels; ++i) model_make(i);
    KeyObject key;
    key.config.name = "app";
    key.config.sha256 = std::string(64, 'a');
    if (!catalog.create(std::move(key), 1)) std::abort();
    catalog.accept();
    all();
  }
  std::string model_make(int i) {
    ModelObject model;
    model.provider_uuid = provider_uuid;
    model.config.id = "some-model-" + std::to_string(i);
    model.config.alias = "alias-of-" + std::to_string(i);
    const auto made = catalog.create(std::move(model), 1);
    if (!made) std::abort();
    return (*made)->uuid;
  }
  RoutingInput input() {
    return {.config = file,
            .adapters = options.adapters,
            .default_prepare = openai_prepare,
            .admin_key = {},
            .epoch = ++epoch};
  }
  void publish(Routed publication) {
    if (!publication) std::abort();
    (*publication)->clear = registry.clear_list(epoch);
    publisher.publish(std::move(*publication));
    for (int i = 0; i < 3; ++i) publisher.collect();
    registry.reclaim(epoch);
  }
  void all() {
    std::vector<std::string> left_out;
    Merged merged(file, catalog, options, &left_out);
    RoutingState next;
    auto publication = routing_build(input(), merged.objects(), &registry, &next);
    source.reset(merged.providers());
    state = std::move(next);
    publish(std::move(publication));
  }
  void changed() {
    const RoutingChanges changes = source.refresh(false);
    publish(routing_update(input(), source, source.who(), changes, *publisher.current(),
                           &registry, &state));
    catalog.accept();
  }

  ConfigOptions options;
  Config file;
  Catalog catalog{&options};
  CatalogSource source{&catalog, &options};
  Registry registry;
  Publisher publisher;
  RoutingState state;
  std::string provider_uuid;
  uint64_t epoch = 0;
};

World& world() {
  static World made;
  return made;
}

void BM_AllOf10000Models(benchmark::State& state) {
  World& all = world();
  for (auto _ : state) all.all();
}
BENCHMARK(BM_AllOf10000Models)->Unit(benchmark::kMillisecond);

void BM_OneModelOf10000(benchmark::State& state) {
  World& all = world();
  int i = kModels;
  for (auto _ : state) {
    const std::string uuid = all.model_make(i++);
    all.changed();
    if (!all.catalog.remove<ModelObject>(kDefaultTenant, uuid)) std::abort();
    all.changed();
  }
  state.counters["publications"] =
      benchmark::Counter(2, benchmark::Counter::kIsIterationInvariantRate);
}
BENCHMARK(BM_OneModelOf10000)->Unit(benchmark::kMillisecond);

// A policy that comes and goes: about one model, and about each of them.
void policy_bench(benchmark::State& state, const char* resource) {
  World& all = world();
  for (auto _ : state) {
    PolicyObject policy;
    policy.config.action = "read";
    policy.config.effect = "deny";
    policy.config.resource = resource;
    policy.config.subject = "key:app";
    const auto made = all.catalog.create(std::move(policy), 1);
    if (!made) std::abort();
    const std::string uuid = (*made)->uuid;
    all.changed();
    if (!all.catalog.remove<PolicyObject>(kDefaultTenant, uuid)) std::abort();
    all.changed();
  }
  state.counters["publications"] =
      benchmark::Counter(2, benchmark::Counter::kIsIterationInvariantRate);
}
void BM_PolicyAboutOneModelOf10000(benchmark::State& state) {
  policy_bench(state, "model:alias-of-5");
}
BENCHMARK(BM_PolicyAboutOneModelOf10000)->Unit(benchmark::kMillisecond);
void BM_PolicyAbout10000Models(benchmark::State& state) { policy_bench(state, "model:*"); }
BENCHMARK(BM_PolicyAbout10000Models)->Unit(benchmark::kMillisecond);

}  // namespace

}  // namespace weir
