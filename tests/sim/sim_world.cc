#include "sim_world.h"

#include <algorithm>
#include <utility>

#include "adapters/common/openai_shape.h"
#include "adapters/registry.h"
#include "base/check.h"
#include "json/json_write.h"
#include "proxy/auth.h"

namespace weir {

namespace {

Nanos clock_of(void* world) {
  return static_cast<SimWorld*>(world)->now_ns;
}
UnixMillis wall_of(void* world) {
  const Nanos now = static_cast<SimWorld*>(world)->now_ns;
  return SimWorld::kStartUnixMs + static_cast<UnixMillis>(now / kNanosPerMilli) - 1000;
}

constexpr Endpoint kAll[] = {Endpoint::kChat, Endpoint::kCompletions, Endpoint::kEmbeddings};
constexpr uint32_t kTargetsPerRoute = 16;

void prepare_heads(Target* target) {
  for (const Endpoint endpoint : kAll) {
    if ((target->adapter->endpoints & endpoint_bit(endpoint)) == 0) continue;
    const PrepareInput input{*target->provider, target->model, endpoint};
    std::string head;
    const auto prepare = target->adapter->prepare;
    const auto done = prepare == nullptr ? openai_prepare(input, &head) : prepare(input, &head);
    WEIR_CHECK(done.has_value());
    target->heads[endpoint_index(endpoint)] = std::move(head);
  }
}

LimitSet tenant_limits(LimitRegistry* registry, int64_t tokens, Nanos now) {
  BucketSpec spec{.amount = 0, .capacity = SimWorld::kAmple, .duration_ns = 3'600'000'000'000};
  LimitSet set;
  set.add({registry->get_or_create("requests", spec, now), BucketScope::kTenant,
           BucketUnit::kRequests});
  spec.capacity = tokens;
  set.add({registry->get_or_create("tokens", spec, now), BucketScope::kTenant,
           BucketUnit::kTokens});
  return set;
}

// A request that failed before a byte was delivered, or that no target took, gets its token back.
bool costs_a_request(const LedgerRecord& record) {
  const bool ran = record.attempt_count != 0 || record.cached;
  const bool accepted = record.outcome != Outcome::kRefused && ran;
  return accepted && (record.outcome != Outcome::kFailed || record.status == 200);
}

Principal make_principal(uint32_t pin) {
  Principal principal;
  principal.id = "key-1";
  principal.tenant = "default";
  principal.environment = "production";
  principal.pin = pin;
  return principal;
}

}  // namespace

uint64_t SimRandom::next() {
  // splitmix64
  uint64_t z = (state_ += 0x9e3779b97f4a7c15u);
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return z ^ (z >> 31);
}

SimWorld::SimWorld(uint64_t seed) : random_(seed), in_order_(seed == 0) {
  link.wake = [](WorkerLink*) {};
  control.wake = [](ControlLink*) {};
  WorkerOptions options;
  options.seed = seed;
  options.instance_id = 0x1234567890abcdef;
  options.clock = {clock_of, wall_of, this};
  control.inflight = &inflight;
  worker = std::make_unique<Worker>(&link, &control, net.base(), options);
}

SimWorld::~SimWorld() {
  link.stop.store(true, std::memory_order_relaxed);
  worker_on_wakeup(worker.get());
  run();
  while (answer_control() != 0) run();
  // Connections whose request went away while they were idle in this very step.
  worker_abort_all(worker.get());
  local_run(worker.get());
  run();
  WEIR_CHECK(worker_idle(worker.get()));
  WEIR_CHECK(pinned() == 0 && worker->buffered_total == 0 && worker->wheel.armed() == 0);
  WEIR_CHECK(metrics().in_flight == 0 && metrics().client_connections == 0);
  WEIR_CHECK(metrics().upstream_connections == 0 && metrics().upstream_idle == 0);
  WEIR_CHECK(metrics().waiting_for_connection == 0);
  for (const TargetCounters& target : metrics().targets) WEIR_CHECK(target.inflight == 0);
  for (const TargetHealth& one : health) WEIR_CHECK(!one.probe_held(now_ms()));
  check_buckets();
  worker.reset();
}

Provider& SimWorld::add_provider(std::string_view type) {
  Provider& provider = providers.emplace_back();
  const std::string index = std::to_string(providers.size() - 1);
  provider.name = "p" + index;
  provider.type = type;
  provider.tenant = "default";
  provider.adapter = adapter_find(type);
  WEIR_CHECK(provider.adapter != nullptr);
  provider.host = "p" + index + ".test";
  provider.port = 80;
  provider.authority = provider.host;
  provider.base_path = "/v1";
  provider.credential = "upstream-secret-" + index;
  provider.pool_slot = static_cast<uint32_t>(providers.size() - 1);
  return provider;
}

SimRoute& SimWorld::add_route(std::string_view name, std::vector<uint32_t> from) {
  return routes.emplace_back(SimRoute{.name = std::string(name), .providers = std::move(from)});
}

void SimWorld::serve(uint32_t count) {
  std::vector<uint32_t> all;
  for (uint32_t i = 0; i < count; ++i) {
    add_provider();
    all.push_back(i);
  }
  add_route("m", all);
  publish();
}

Route SimWorld::make_route(const SimRoute& from, uint32_t slot,
                           const std::vector<std::shared_ptr<const Provider>>& built) {
  Route route;
  route.name = from.name;
  route.tenant = "default";
  route.environment = "production";
  route.is_alias = true;
  route.algorithm = from.algorithm;
  route.suspend_ms = from.suspend_ms;
  route.max_attempts = from.max_attempts;
  route.slot = slot;
  while (outputs_.size() <= slot) outputs_.emplace_back(1);
  route.output = &outputs_[slot];
  if (from.limit != 0) {
    const BucketSpec spec{.amount = 0, .capacity = from.limit, .duration_ns = 3'600'000'000'000};
    route.limits.add({buckets_.get_or_create("alias/" + from.name, spec, now_ns),
                      BucketScope::kModel, BucketUnit::kRequests});
  }
  route.pin = next_pin_++;
  for (uint32_t i = 0; i < from.providers.size(); ++i) {
    const uint32_t number = from.providers[i];
    Target& target = route.targets.emplace_back();
    target.provider = built.at(number);
    target.adapter = target.provider->adapter;
    target.model = from.own_name ? from.name : "model-" + std::to_string(number);
    target.id = target.provider->name + "/" + target.model;
    json_append_string(&target.model_json, target.model);
    target.priority = from.algorithm == Algorithm::kPriority ? i : 0;
    target.uuid = "uuid-" + std::to_string(number);
    if (i < from.costs.size()) target.cost = from.costs[i];
    if (i < from.families.size()) target.family = from.families[i];
    if (i < from.regions.size()) target.region = from.regions[i];
    target.slot = number;
    target.series = slot * kTargetsPerRoute + i;
    target.health = &health.at(number);
    prepare_heads(&target);
  }
  return route;
}

void SimWorld::publish() {
  SnapshotBuilder builder(++epoch_, 7);
  while (health.size() < providers.size()) health.emplace_back();
  std::vector<std::shared_ptr<const Provider>> built;
  for (const Provider& provider : providers) {
    built.push_back(std::make_shared<const Provider>(provider));
  }
  for (uint32_t slot = 0; slot < routes.size(); ++slot) {
    WEIR_CHECK(builder.add_route(make_route(routes[slot], slot, built)).has_value());
  }
  Principal principal = make_principal(next_pin_++);
  principal.access = access;
  if (limited) principal.limits = tenant_limits(&buckets_, tokens, now_ns);
  WEIR_CHECK(builder.add_principal(key_digest(kKey), std::move(principal)).has_value());
  for (const KeyDigest& caller : callers) {
    WEIR_CHECK(builder.add_principal(caller, make_principal(next_pin_++)).has_value());
  }
  Publication& publication = publications_.emplace_back();
  publication.trust = trust;
  publication.snapshot = builder.build();
  publication.limits = limits;
  control.cache.configure(limits.cache, now_ms());
  link.pins.reserve(next_pin_);
  inflight.reserve(static_cast<uint32_t>(providers.size()));
  WEIR_CHECK(link.publication.put(&publication) == nullptr);
  worker_on_wakeup(worker.get());
  WEIR_CHECK(link.adopted_epoch.load(std::memory_order_relaxed) == epoch_);
}

SimPeer* SimWorld::connect() {
  SimTransport* t = net.connect();
  SimPeer* peer = t->far;
  worker_on_accept(worker.get(), t);
  return peer;
}

SimPeer* SimWorld::connect(std::string_view bytes) {
  SimPeer* peer = connect();
  peer->send(bytes);
  run();
  return peer;
}

bool SimWorld::step(uint64_t choice) {
  if (!net.deliver(choice)) return false;
  after_event();
  return true;
}

void SimWorld::run() {
  while (step(in_order_ ? 0 : random_.next())) {
  }
}

void SimWorld::advance(Millis ms) {
  const Nanos end = now_ns + ms * kNanosPerMilli;
  run();
  for (;;) {
    const Millis due = worker->wheel.next_due();
    if (due > end / kNanosPerMilli) break;
    now_ns = std::max(now_ns, due * kNanosPerMilli);
    worker_on_tick(worker.get());
    after_event();
    run();
  }
  now_ns = end;
}

bool SimWorld::jump() {
  const Millis due = worker->wheel.next_due();
  if (due == UINT64_MAX) return false;
  net.end_round();
  now_ns = std::max(now_ns, due * kNanosPerMilli);
  worker_on_tick(worker.get());
  after_event();
  return true;
}

void SimWorld::drain() {
  link.drain.store(true, std::memory_order_relaxed);
  worker_on_wakeup(worker.get());
  run();
}

size_t SimWorld::answer_control() {
  size_t count = 0;
  for (ManagementCall* call = control.calls.take_all(); call != nullptr; ++count) {
    ManagementCall* next = call->next_message;
    call->status = 200;
    call->reply = "{\"path\":\"" + call->path + "\"}";
    link.answers.push(call);
    call = next;
  }
  worker_on_wakeup(worker.get());
  return count;
}

uint32_t SimWorld::pinned() const {
  uint32_t sum = 0;
  for (uint32_t pin = 0; pin < next_pin_; ++pin) sum += link.pins.count(pin);
  return sum;
}

// No moment of a request is counted twice or by nobody; each stage loses less than a microsecond.
void SimWorld::check_stages(const LedgerRecord& record) {
  if (record.kind != RequestKind::kInference) return;
  uint64_t sum = 0;
  for (const uint32_t us : record.stage_us) sum += us;
  WEIR_CHECK(sum <= record.total_us && record.total_us < sum + kStages);
}

void SimWorld::after_event() {
  most_queued = std::max(most_queued, net.base()->queued_bytes);
  if (!checks) {
    link.ledger.drain(
        [this](LedgerRecord& record) { charged_ += costs_a_request(record) ? 1 : 0; });
    return;
  }
  if (ledger_stuck) return check_counters();
  link.ledger.drain([this](LedgerRecord& record) {
    check_stages(record);
    ++finished[static_cast<size_t>(record.outcome)];
    if (costs_a_request(record)) ++charged_;
    records.push_back(record);
  });
  check_counters();
}

void SimWorld::check_counters() const {
  const MetricsBlock& m = metrics();
  uint64_t ended = m.unrouted_completed + m.unrouted_failed + m.unrouted_cancelled;
  for (const SeriesCounters& s : m.series) ended += s.completed + s.failed + s.cancelled;
  WEIR_CHECK(m.accepted == ended + m.in_flight);
  WEIR_CHECK(worker->exchange_pool.in_use() >= m.in_flight);
  uint64_t running = 0;
  for (const TargetCounters& target : m.targets) running += target.inflight;
  WEIR_CHECK(running <= m.in_flight);
  WEIR_CHECK(m.upstream_idle <= m.upstream_connections);
  WEIR_CHECK(worker->turn_depth == 0 && worker->graveyard.empty());
  WEIR_CHECK(worker->ready_clients.empty());
}

// What every request took and gave back, seen from the other side.
void SimWorld::check_buckets() {
  const MetricsBlock& m = metrics();
  WEIR_CHECK(m.reserved_tokens - m.refunded_tokens == m.settled_tokens);
  if (!limited) return;
  const int64_t left = buckets_.find("tokens")->level(now_ns);
  WEIR_CHECK(left == tokens - static_cast<int64_t>(m.settled_tokens));
  const int64_t requests = kAmple - buckets_.find("requests")->level(now_ns);
  WEIR_CHECK(requests == charged_);
}

}  // namespace weir
