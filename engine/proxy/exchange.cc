#include "proxy/exchange.h"

#include <algorithm>
#include <cstring>
#include <functional>
#include <optional>

#include "base/check.h"
#include "json/json_write.h"
#include "proxy/cache_use.h"
#include "proxy/reply.h"
#include "proxy/route_plan.h"
#include "proxy/router_ask.h"
#include "proxy/sign_in_wait.h"
#include "proxy/upstream_pool.h"
#include "proxy/worker.h"
#include "route/access.h"

namespace weir {

namespace {

constexpr size_t kMaxHops = 8;

void on_deadline(void* owner) {
  exchange_step(static_cast<Exchange*>(owner), ExchangeEvent::kDeadline);
}
void on_total_deadline(void* owner) {
  exchange_step(static_cast<Exchange*>(owner), ExchangeEvent::kTotalDeadline);
}

bool printable(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c < 0x7f; });
}

using Bytes16 = uint8_t __attribute__((vector_size(16)));
using Words2 = uint64_t __attribute__((vector_size(16)));

// The hexadecimal digits of four bits in each byte.
Bytes16 hex_digits(Bytes16 halves) {
  const auto letters = static_cast<Bytes16>(halves > 9);
  return halves + '0' + (letters & ('a' - '0' - 10));
}

// The client's id when it can be shown everywhere as it is, else one of ours.
std::string_view request_id_of(Exchange* ex, std::string_view offered) {
  const bool usable =
      !offered.empty() && offered.size() <= LedgerRecord::kMaxRequestId && printable(offered);
  if (usable) return ex->arena.copy(offered);
  constexpr std::string_view kPrefix = "req-";
  constexpr size_t kDigits = 24;
  char* text = ex->arena.allocate(kPrefix.size() + kDigits);
  std::memcpy(text, kPrefix.data(), kPrefix.size());
  const uint64_t first = ex->worker->core.next_random();
  const auto random = reinterpret_cast<Bytes16>(Words2{first, ex->worker->core.next_random()});
  const Bytes16 low = hex_digits(random & 15);
  const Bytes16 high = hex_digits(random >> 4);
  std::memcpy(text + kPrefix.size(), &low, sizeof low);
  std::memcpy(text + kPrefix.size() + sizeof low, &high, kDigits - sizeof low);
  return {text, kPrefix.size() + kDigits};
}

// By the library: where the compiler knows a bound of the size, it puts a slow string instruction.
[[gnu::noinline]] void copy_bytes(char* to, const char* from, size_t size) {
  std::memcpy(to, from, size);
}

template <size_t N>
uint8_t copy_cut(char (&to)[N], std::string_view from) {
  const size_t n = std::min(N, from.size());
  copy_bytes(to, from.data(), n);
  return static_cast<uint8_t>(n);
}

RequestKind kind_of(Place place) {
  switch (place) {
    case Place::kInference:
      return RequestKind::kInference;
    case Place::kModels:
    case Place::kModel:
      return RequestKind::kModels;
    case Place::kHealth:
    case Place::kReady:
      return RequestKind::kHealth;
    case Place::kManagement:
      return RequestKind::kManagement;
  }
  return RequestKind::kUnknown;
}

void open_record(Exchange* ex, const RequestHead& head) {
  LedgerRecord& record = ex->record;
  record.started_unix_ms = ex->worker->unix_ms;
  record.kind = kind_of(ex->match.place);
  record.endpoint = ex->match.endpoint;
  record.method_len = copy_cut(record.method, head.method_name);
  if (record.kind != RequestKind::kInference) record.path_len = copy_cut(record.path, head.path);
  record.request_id_len = copy_cut(record.request_id, ex->request_id);
  record.peer_len = copy_cut(record.peer, ex->client->peer);
  ex->at.first_byte = ex->client->first_byte_ns;
}

// A request that carries our own mark came back to us; one with many marks is going round between
// several gateways.
bool is_loop(const Exchange* ex) {
  if (ex->hops.empty()) return false;
  if (ex->hops.find(ex->worker->instance) != std::string_view::npos) return true;
  const auto commas = std::count(ex->hops.begin(), ex->hops.end(), ',');
  return static_cast<size_t>(commas) + 1 >= kMaxHops || !printable(ex->hops);
}

Field required_field(Endpoint endpoint) {
  switch (endpoint) {
    case Endpoint::kChat:
      return Field::kMessages;
    case Endpoint::kCompletions:
      return Field::kPrompt;
    case Endpoint::kEmbeddings:
      return Field::kInput;
  }
  return Field::kMessages;
}

Error missing_field(Endpoint endpoint) {
  switch (endpoint) {
    case Endpoint::kChat:
      return {Errc::kInvalidField, "`messages` is required: a list of chat messages", "messages"};
    case Endpoint::kCompletions:
      return {Errc::kInvalidField, "`prompt` is required: a string or a list", "prompt"};
    case Endpoint::kEmbeddings:
      return {Errc::kInvalidField, "`input` is required: a string or a list", "input"};
  }
  return {Errc::kInvalidField, "a required field is missing"};
}

Error unknown_model(Exchange* ex) {
  std::string text = "the model ";
  json_append_string(&text, ex->view.model);
  text += " does not exist or this key may not use it; GET /v1/models lists what there is";
  return {Errc::kModelNotFound, ex->arena.copy(text), "model"};
}

// What the head alone can refuse; the body is not read then.
Result<void> check_head(Exchange* ex, const RequestHead& head) {
  if (!ex->match.allow.empty()) {
    return std::unexpected(Error{Errc::kMethodNotAllowed, "this path does not take that method"});
  }
  if (is_loop(ex)) {
    return std::unexpected(Error{Errc::kLoopDetected, "this request has been here before; a "
                                                      "provider's base_url leads back to Weir"});
  }
  if (!head.content_encoding.empty() && head.content_encoding != "identity") {
    return std::unexpected(
        Error{Errc::kUnsupportedMediaType, "send the body without Content-Encoding"});
  }
  // Calls such as a reload need no body, and say so by sending no length.
  if (head.framing == Framing::kNone && head.method == Method::kPost &&
      ex->match.place == Place::kInference) {
    return std::unexpected(Error{Errc::kLengthRequired, "send Content-Length or chunked"});
  }
  if (head.framing == Framing::kLength && head.content_length > exchange_max_body(ex)) {
    return std::unexpected(body_too_large(ex));
  }
  return {};
}

Result<void> admit_head(Exchange* ex, const RequestHead& head) {
  if (!ex->match.is_public()) {
    if (const auto admitted = sign_in_admit(ex, head); !admitted) return admitted;
  }
  return check_head(ex, head);
}

// What the request's model leads to, for this caller. Nothing: the name is not known.
std::optional<RouteMemo::Answer> find_model(Exchange* ex) {
  const Snapshot& snapshot = *ex->worker->snapshot();
  RouteMemo& memo = ex->worker->route_memo;
  const Principal& who = *ex->principal;
  const std::string_view name = ex->view.model;
  if (const auto* known = memo.find(snapshot.epoch(), &who, name)) return *known;
  const Route* route = snapshot.find_route(who.tenant, who.environment, name);
  if (route == nullptr) return std::nullopt;
  const RouteMemo::Answer answer{.route = route, .permit = permit_of(who, *route)};
  // A rehearsal's route has a name of its own.
  if (route->name == name) memo.keep(snapshot.epoch(), &who, answer);
  return answer;
}

Result<void> admit_route(Exchange* ex) {
  Worker* worker = ex->worker;
  const Endpoint endpoint = ex->match.endpoint;
  const auto found = find_model(ex);
  if (!found) return std::unexpected(unknown_model(ex));
  const auto& [route, permit] = *found;
  ex->record.route = route->slot;
  if (!permit.allowed) {
    return std::unexpected(Error{Errc::kAccessDenied, "this key may not use that model", "model"});
  }
  if ((route->endpoints & endpoint_bit(endpoint)) == 0) {
    return std::unexpected(
        Error{Errc::kUnsupportedEndpoint, "no provider of this model serves that endpoint"});
  }
  if (permit.excluded != nullptr && !serves_without(*route, endpoint, *permit.excluded)) {
    return std::unexpected(Error{Errc::kAccessDenied, "this key may not use the providers of that "
                                                      "model that serve this endpoint", "model"});
  }
  ex->excluded = permit.excluded;
  worker->link->pins.pin(route->pin);
  ex->route = route;
  return {};
}

// The request has a member `router` or `cache`.
Result<void> admit_extended(Exchange* ex) {
  RouterAsk router;
  CacheAsk cache;
  if (auto read = extensions_read(ex->view, ex->arena, &router, &cache); !read) return read;
  auto admitted = router.wanted ? route_plan_make(ex, router) : admit_route(ex);
  if (admitted) cache_begin(ex, cache);
  return admitted;
}

Result<void> admit_request(Exchange* ex) {
  Worker* worker = ex->worker;
  ScanOptions options;
  if (!worker->limits.validate_full) options.validation = ScanOptions::Validation::kTopLevel;
  const auto scanned = worker->request_scanner.scan(ex->body.view(), options, &ex->view);
  ex->at.parsed = worker_clock(worker);
  if (!scanned) return scanned;
  // An unescaped model name lies in the scanner's scratch, which the next request uses.
  const std::string_view body = ex->body.view();
  const bool in_body = std::less_equal<>()(body.data(), ex->view.model.data()) &&
                       std::less<>()(ex->view.model.data(), body.data() + body.size());
  if (!in_body) ex->view.model = ex->arena.copy(ex->view.model);
  const Endpoint endpoint = ex->match.endpoint;
  if (!ex->view.has(required_field(endpoint))) return std::unexpected(missing_field(endpoint));
  if (endpoint == Endpoint::kEmbeddings) ex->view.stream = false;
  ex->record.stream = ex->view.stream;
  // A member that is there has an end; few requests have one of these.
  const bool extended =
      (ex->view.member(Field::kRouter).value.end | ex->view.member(Field::kCache).value.end) != 0;
  if (extended && endpoint != Endpoint::kEmbeddings) return admit_extended(ex);
  return admit_route(ex);
}

void start_inference(Exchange* ex) {
  Worker* worker = ex->worker;
  if (worker->limits.strict_accounting && !worker_ledger_has_room(worker)) {
    return reply_error(ex, error_of({Errc::kOverloaded,
                                     "the ledger is behind, and accounting.strict is set; try "
                                     "again"}));
  }
  if (const auto admitted = admit_request(ex); !admitted) {
    return reply_error(ex, error_of(admitted.error()));
  }
  if (!limits_admit(ex)) return;
  ex->accepted = true;
  ++worker->metrics.accepted;
  ++worker->metrics.in_flight;
  worker->retry_budget.on_request(worker->now_ms);
  if (ex->caching != nullptr && cache_answer(ex)) return;
  exchange_next_attempt(ex);
}

void start_control(Exchange* ex) {
  auto* call = new ManagementCall();
  call->worker = ex->worker->link;
  call->exchange = ex;
  call->method.assign(ex->record.method, ex->record.method_len);
  call->path = ex->path;
  call->body = ex->body.view();
  call->request_id = ex->request_id;
  call->peer.assign(ex->record.peer, ex->record.peer_len);
  const size_t question = call->path.find('?');
  if (question != std::string::npos) {
    call->query = call->path.substr(question + 1);
    call->path.resize(question);
  }
  if (const Principal* who = ex->principal; who != nullptr) {
    call->key_id = who->id;
    call->tenant = who->tenant;
    call->environment = who->environment;
    call->admin = who->role == Role::kAdmin;
    call->metrics_only = who->metrics_only;
  }
  ex->state = ExchangeState::kControl;
  exchange_hold(ex, kHoldControl);
  ex->worker->control->calls.push(call);
  ex->worker->control->wake(ex->worker->control);
}

// The fields of the client that adapters may ask for. Hardly anybody sends them.
std::span<const HeaderField> keep_client_fields(Exchange* ex, const RequestHead& head) {
  if (head.project_id.empty() && head.space_id.empty()) return {};
  const HeaderField sent[] = {{"x-ibm-project-id", head.project_id},
                              {"x-ibm-space-id", head.space_id}};
  auto* kept = reinterpret_cast<HeaderField*>(ex->arena.allocate(sizeof sent));
  size_t count = 0;
  for (const HeaderField& field : sent) {
    if (field.value.empty()) continue;
    new (&kept[count++]) HeaderField{field.name, ex->arena.copy(field.value)};
  }
  return {kept, count};
}

UpstreamError timeout_error(std::string_view message) {
  UpstreamError error;
  error.fault = Fault::kTimeout;
  error.code = Errc::kUpstreamTimeout;
  error.status = wire_error(Errc::kUpstreamTimeout).status;
  error.message = message;
  return error;
}

void on_attempt_timeout(Exchange* ex) {
  if (ex->pool_node.linked()) {
    return exchange_attempt_failed(
        ex, error_of({Errc::kOverloaded, "no connection to the provider became free in time; "
                                         "raise max_connections or try again"}));
  }
  const std::string_view why =
      ex->state == ExchangeState::kConnecting   ? "the provider could not be reached in time"
      : ex->state == ExchangeState::kCredential ? "the provider's token was not there in time"
                                                : "the provider did not answer in time";
  if (ex->committed) return relay_on_cut(ex, "the provider stopped sending");
  exchange_attempt_failed(ex, timeout_error(why));
}

}  // namespace

Exchange::Exchange(Worker* w) : worker(w) {
  deadline.on_due = on_deadline;
  deadline.owner = this;
  total_deadline.on_due = on_total_deadline;
  total_deadline.owner = this;
}

uint64_t exchange_max_body(const Exchange* ex) {
  const uint64_t configured = ex->worker->limits.max_body_bytes;
  if (ex->match.place != Place::kManagement) return configured;
  return std::min(configured, ex->match.open ? kMaxPublicBody : kMaxManagementBody);
}

void exchange_begin(Client* client, const RequestHead& head, bool body_follows) {
  Worker* worker = client->worker;
  Exchange* ex = worker->exchange_pool.take(worker);
  ex->client = client;
  client->exchange = ex;
  exchange_hold(ex, kHoldClient);
  ex->method = head.method;
  ex->head_only = head.method == Method::kHead;
  const ServerTiming timing = worker->limits.server_timing;
  ex->show_timing = timing == ServerTiming::kAlways ||
                    (timing == ServerTiming::kOnRequest && head.weir_timing == "1");
  ex->match = route_match(head.method, head.path);
  if (ex->match.place == Place::kManagement && worker->control->is_public != nullptr) {
    ex->match.open = worker->control->is_public(head.path);
  }
  ex->request_id = request_id_of(ex, head.request_id);
  ex->hops = ex->arena.copy(head.weir_hop);
  open_record(ex, head);
  if (const auto admitted = admit_head(ex, head); !admitted) {
    // What follows a head without a length may be a body all the same: it is not looked at.
    const bool unsure = head.method == Method::kPost && head.framing == Framing::kNone;
    if (body_follows || unsure) client->keep_alive = false;
    return reply_error(ex, error_of(admitted.error()));
  }
  // The head's bytes are gone when the body has been read: what is still needed is copied.
  if (ex->match.place != Place::kInference) ex->path = ex->arena.copy(head.target);
  if (!ex->match.rest.empty()) {
    ex->match.rest = ex->path.substr(ex->path.find(ex->match.rest), ex->match.rest.size());
  }
  ex->client_fields = keep_client_fields(ex, head);
}

void exchange_start(Exchange* ex) {
  if (ex->signing_in) return sign_in_wait(ex);
  ex->at.received = ex->worker->now_ns;
  ex->record.request_bytes = ex->body.size();
  switch (ex->match.place) {
    case Place::kInference:
      return start_inference(ex);
    case Place::kModels:
      return reply_models(ex);
    case Place::kModel:
      return reply_model(ex);
    case Place::kHealth:
    case Place::kReady:
      return reply_health(ex);
    case Place::kManagement:
      return start_control(ex);
  }
}

void exchange_refuse(Exchange* ex, const Error& error) { reply_error(ex, error_of(error)); }

void exchange_client_gone(Exchange* ex) { exchange_step(ex, ExchangeEvent::kClientGone); }
void exchange_client_ready(Exchange* ex) { exchange_step(ex, ExchangeEvent::kClientReady); }
void exchange_on_drain(Exchange* ex) { exchange_step(ex, ExchangeEvent::kDrained); }

// The only switch over the state of a request. A pair that is not here means nothing: the event
// came late, for something that is over.
void exchange_step(Exchange* ex, ExchangeEvent event) {
  if (ex->state == ExchangeState::kDone) return;
  if (event == ExchangeEvent::kClientGone) {
    ex->client = nullptr;
    return exchange_finish(ex, Outcome::kCancelled, ex->committed ? 200 : 499, ClientEnd::kGone);
  }
  if (event == ExchangeEvent::kTotalDeadline) return on_attempt_timeout(ex);
  switch (ex->state) {
    case ExchangeState::kConnecting:
      if (event == ExchangeEvent::kConnected) return exchange_send(ex);
      if (event == ExchangeEvent::kDeadline) return on_attempt_timeout(ex);
      return;
    case ExchangeState::kSending:
      if (event == ExchangeEvent::kDrained) return exchange_send(ex);
      if (event == ExchangeEvent::kDeadline) return on_attempt_timeout(ex);
      return;
    case ExchangeState::kAwaiting:
    case ExchangeState::kBuffering:
      // The provider may begin its answer before it has read the whole request.
      if (event == ExchangeEvent::kDrained) return exchange_send(ex);
      if (event == ExchangeEvent::kDeadline) return on_attempt_timeout(ex);
      return;
    case ExchangeState::kRelaying:
      if (event == ExchangeEvent::kDrained) return exchange_send(ex);
      if (event == ExchangeEvent::kDeadline) return on_attempt_timeout(ex);
      if (event == ExchangeEvent::kClientReady) return relay_resume(ex);
      return;
    case ExchangeState::kWriting:
      if (event == ExchangeEvent::kClientReady) return relay_write(ex);
      return;
    case ExchangeState::kWaiting:
      if (event == ExchangeEvent::kDeadline) return exchange_run_adapter(ex);
      // A client that became ready does not end a wait that the adapter asked for.
      if (event == ExchangeEvent::kClientReady && !ex->deadline.armed()) {
        return exchange_run_adapter(ex);
      }
      return;
    case ExchangeState::kCredential:
      if (event == ExchangeEvent::kDeadline) return on_attempt_timeout(ex);
      return;
    case ExchangeState::kSignIn:
      if (event == ExchangeEvent::kDeadline) return sign_in_on_timeout(ex);
      return;
    case ExchangeState::kReceiving:
    case ExchangeState::kControl:
    case ExchangeState::kDone:
      return;
  }
}

void exchange_on_answer(Exchange* ex, ManagementCall* call) {
  if (ex->state != ExchangeState::kDone) reply_management(ex, *call);
  exchange_drop(ex, kHoldControl);
}

void exchange_hold(Exchange* ex, ExchangeHold bit) {
  WEIR_DCHECK((ex->holds & bit) == 0);
  ex->holds = static_cast<uint8_t>(ex->holds | bit);
}

void exchange_drop(Exchange* ex, ExchangeHold bit) {
  WEIR_DCHECK((ex->holds & bit) != 0);
  // Kept in a register: the byte just written, read again with its neighbour, would be waited for.
  const auto left = static_cast<uint8_t>(ex->holds & ~bit);
  ex->holds = left;
  if (left == 0 && ex->state == ExchangeState::kDone) ex->worker->graveyard.push_back(ex);
}

void exchange_recycle(Exchange* ex) {
  WEIR_CHECK(ex->state == ExchangeState::kDone);
  WEIR_CHECK(ex->holds == 0);
  ex->worker->exchange_pool.give(ex);
}

}  // namespace weir
