#include "proxy/local_client.h"

#include "proxy/exchange.h"
#include "proxy/worker.h"

namespace weir {

namespace {

LocalClient* local_of(Client* client) { return static_cast<LocalClient*>(client); }

size_t bucket_of(const LocalClients& all, uint64_t id) { return id / 2 % all.by_id.size(); }

void forget(LocalClients* all, LocalClient* client) {
  LocalClient** link = &all->by_id[bucket_of(*all, client->id)];
  while (*link != client) link = &(*link)->next_by_id;
  *link = client->next_by_id;
}

LocalClient* find(Worker* worker, uint64_t id) {
  LocalClients& all = worker->locals;
  LocalClient* client = all.by_id[bucket_of(all, id)];
  while (client != nullptr && client->id != id) client = client->next_by_id;
  return client;
}

void make_ready(LocalClient* client) {
  LocalClients& all = client->worker->locals;
  if (client->ready_node.linked()) return;
  const bool first = all.ready.empty();
  all.ready.push_back(client);
  ++all.ready_count;
  if (first && all.soon != nullptr) all.soon(all.soon_context);
}

void end(LocalClient* client, AnswerEnd how) {
  Worker* worker = client->worker;
  const AnswerEvents* events = client->events;
  void* const user = client->user;
  const uint64_t id = client->id;
  client->body.release(worker);
  forget(&worker->locals, client);
  worker->locals.pool.give(client);
  events->on_end(user, id, how);
}

void cancel(LocalClient* client) {
  client->state = LocalClient::State::kCancelling;
  make_ready(client);
}

void on_stall(void* owner) {
  auto* client = static_cast<LocalClient*>(owner);
  ++client->worker->metrics.write_stalls;
  cancel(client);
}

// --- the exchange's view ------------------------------------------------------------------------

Took local_write(Client* from, const AnswerPart& part) {
  LocalClient* client = local_of(from);
  if (client->state == LocalClient::State::kCancelling) return Took::kGone;
  if (!part.head.empty()) {
    client->events->on_head(client->user, client->id, part.status, part.head);
  }
  for (const Slice& slice : part.body) {
    if (client->state == LocalClient::State::kCancelling) return Took::kGone;
    client->worker->metrics.bytes_to_clients += slice.size;
    if (slice.size != 0) client->events->on_body(client->user, client->id, slice.view());
  }
  return client->paused ? Took::kRest : Took::kAll;
}

size_t local_backlog(const Client* from) {
  const auto* client = static_cast<const LocalClient*>(from);
  const bool waits = client->paused || client->state == LocalClient::State::kCancelling;
  return waits ? Client::kHighWater + 1 : 0;
}

void local_ended(Client* from, ClientEnd how) {
  LocalClient* client = local_of(from);
  client->exchange = nullptr;
  // A cancel that came too late is one all the same: its caller wants nothing more.
  if (client->state == LocalClient::State::kCancelling) return;
  client->how = how == ClientEnd::kNext ? AnswerEnd::kComplete : AnswerEnd::kCut;
  if (client->state == LocalClient::State::kRunning) return end(client, client->how);
  client->over = true;  // start() looks at it, and ends it
}

constexpr ClientOps kLocalOps = {
    .write = local_write,
    .backlog = local_backlog,
    .ended = local_ended,
};

// --- running ------------------------------------------------------------------------------------

Method method_of(std::string_view name) {
  if (name == "POST") return Method::kPost;
  if (name == "GET") return Method::kGet;
  if (name == "DELETE") return Method::kDelete;
  if (name == "PUT") return Method::kPut;
  if (name == "PATCH") return Method::kPatch;
  if (name == "HEAD") return Method::kHead;
  if (name == "OPTIONS") return Method::kOptions;
  return Method::kOther;
}

RequestHead head_of(const LocalClient& client) {
  const SubmitRequest& request = client.request;
  RequestHead head;
  head.method = method_of(request.method);
  head.method_name = request.method;
  head.target = request.target;
  const size_t question = request.target.find('?');
  head.path = request.target.substr(0, question);
  if (question != std::string_view::npos) head.query = request.target.substr(question + 1);
  // A body without bytes is one too, as long as somebody posts it.
  const bool has_body = client.body_bytes != 0 || head.method == Method::kPost;
  head.framing = has_body ? Framing::kLength : Framing::kNone;
  head.content_length = client.body_bytes;
  head.api_key = request.key;
  head.request_id = request.request_id;
  head.project_id = request.project_id;
  head.space_id = request.space_id;
  return head;
}

void start(LocalClient* client) {
  client->state = LocalClient::State::kStarting;
  exchange_begin(client, head_of(*client), false);
  if (client->over) return end(client, client->how);  // refused by its head
  if (client->state == LocalClient::State::kCancelling) return;
  client->state = LocalClient::State::kRunning;
  client->exchange->body.swap(client->body);
  exchange_start(client->exchange);
}

void run_one(LocalClient* client) {
  switch (client->state) {
    case LocalClient::State::kWaiting:
      return start(client);
    case LocalClient::State::kStarting:
    case LocalClient::State::kRunning:
      if (!client->resumed || client->paused) return;
      client->resumed = false;
      return exchange_client_ready(client->exchange);
    case LocalClient::State::kCancelling:
      if (Exchange* ex = client->exchange) {
        client->exchange = nullptr;
        exchange_client_gone(ex);
      }
      return end(client, AnswerEnd::kCancelled);
  }
}

}  // namespace

LocalClient::LocalClient(Worker* w, const AnswerEvents* the_events, void* the_user)
    : events(the_events), user(the_user) {
  ops = &kLocalOps;
  worker = w;
  wire = ClientWire::kNone;
  peer = "in-process";
  key = &w->locals.key;
  stall.on_due = on_stall;
  stall.owner = this;
}

LocalClient::~LocalClient() {
  worker->wheel.disarm(&stall);
  if (!ready_node.linked()) return;
  ready_node.unlink();
  --worker->locals.ready_count;
}

LocalClients::LocalClients(uint32_t core) : next_id(local_other_id(core, 0) + 1) {}

uint64_t local_submit(Worker* worker, const SubmitRequest& request, const AnswerEvents* events,
                      void* user, uint64_t id) {
  if (worker->draining || worker->publication == nullptr) return 0;
  LocalClients& all = worker->locals;
  LocalClient* client = all.pool.take(worker, events, user);
  client->body_bytes = request.body.size();
  // One that is too large is refused by its length.
  const bool wanted = request.body.size() <= worker->limits.max_body_bytes;
  if (wanted && !request.body.empty() && !client->body.append(worker, request.body)) {
    client->body.release(worker);
    all.pool.give(client);
    return 0;
  }
  client->id = id;
  if (id == 0) {
    client->id = all.next_id;
    all.next_id += 2;
  }
  Arena& texts = client->texts;
  client->request.method = texts.copy(request.method);
  client->request.target = texts.copy(request.target);
  client->request.key = texts.copy(request.key);
  client->request.request_id = texts.copy(request.request_id);
  client->request.project_id = texts.copy(request.project_id);
  client->request.space_id = texts.copy(request.space_id);
  client->first_byte_ns = worker_clock(worker);
  LocalClient*& first = all.by_id[bucket_of(all, client->id)];
  client->next_by_id = first;
  first = client;
  worker->metrics.bytes_from_clients += request.body.size();
  make_ready(client);
  return client->id;
}

void local_cancel(Worker* worker, uint64_t id) {
  LocalClient* client = find(worker, id);
  if (client != nullptr) cancel(client);
}

void local_pause(Worker* worker, uint64_t id) {
  LocalClient* client = find(worker, id);
  if (client == nullptr || client->paused) return;
  client->paused = true;
  client->resumed = false;
  const Millis now = worker_clock(worker) / kNanosPerMilli;
  worker->wheel.arm(&client->stall, now + worker->limits.write_stall_timeout_ms);
}

void local_resume(Worker* worker, uint64_t id) {
  LocalClient* client = find(worker, id);
  if (client == nullptr || !client->paused) return;
  client->paused = false;
  client->resumed = true;
  worker->wheel.disarm(&client->stall);
  make_ready(client);
}

void local_run(Worker* worker) {
  LocalClients& all = worker->locals;
  for (size_t left = all.ready_count; left != 0; --left) {
    LocalClient* client = all.ready.pop_front();
    if (client == nullptr) return;
    --all.ready_count;
    const Turn turn(worker);
    run_one(client);
  }
  if (!all.ready.empty() && all.soon != nullptr) all.soon(all.soon_context);
}

void local_cancel_all(Worker* worker) {
  for (LocalClient* first : worker->locals.by_id) {
    for (LocalClient* c = first; c != nullptr; c = c->next_by_id) cancel(c);
  }
}

}  // namespace weir
