#include "sim_chaos.h"

#include <algorithm>
#include <charconv>

#include "base/check.h"
#include "sim_http.h"

namespace weir {

namespace {

constexpr size_t kClients = 6;
constexpr size_t kProviders = 3;
// In every reply that is whole, and nowhere else, so that a cut one can be told.
constexpr std::string_view kWholeMark = "the-very-end";

std::string whole_body() {
  return R"({"choices":[{"index":0,"message":{"content":"the-very-end"},"finish_reason":"stop"}]})";
}

std::string whole_stream() {
  return std::string(kSimStreamHead) + sim_chunk(sim_event("a")) + sim_chunk(": note\n\n") +
         sim_chunk(sim_event("b") + sim_event(kWholeMark, true) + "data: [DONE]\n\n") +
         std::string(kSimLastChunk);
}

bool is_request(std::string_view bytes) {
  const size_t head = bytes.find("\r\n\r\n");
  const size_t at = bytes.find("Content-Length: ");
  if (head == std::string_view::npos || at == std::string_view::npos) return false;
  size_t length = 0;
  std::from_chars(bytes.data() + at + 16, bytes.data() + bytes.size(), length);
  return bytes.size() >= head + 4 + length;
}

}  // namespace

SimChaos::SimChaos(ChaosSource source) : source_(source) {
  world_.net.auto_open = false;
  world_.limits.retry_budget_min_per_s = 1000;
  std::vector<uint32_t> all;
  for (uint32_t i = 0; i < kProviders; ++i) {
    Provider& provider = world_.add_provider();
    provider.max_connections = 2;
    provider.max_waiting = 2;
    all.push_back(i);
  }
  world_.add_provider("loopback");
  world_.add_route("m", all).suspend_ms = 100;
  SimRoute& same = world_.add_route("same", all);
  same.suspend_ms = 100;
  same.own_name = true;
  world_.add_route("loopback/delay=7ms", {kProviders});
  world_.add_route("mixed", {0, kProviders}).suspend_ms = 0;
  world_.publish();
  for (size_t i = 0; i < kClients; ++i) clients_.push_back(std::make_unique<Client>());
}

SimChaos::~SimChaos() = default;

void SimChaos::play() {
  switch (source_.below(16)) {
    case 0:
    case 1:
    case 2:
    case 3:
      return client_acts();
    case 4:
    case 5:
    case 6:
    case 7:
      return upstream_acts();
    case 8:
      if (source_.below(4) == 0) return reload();
      return world_.advance(source_.below(50));
    case 9:
      if (source_.below(8) == 0) world_.jump();
      return;
    default: {
      // Not in turn: what is due first need not come first.
      uint64_t events = source_.below(8) + 1;
      while (events > 0 && world_.step(source_.next(source_.context))) --events;
      meet_dialled();
      return;
    }
  }
}

void SimChaos::client_acts() {
  Client* client = clients_[source_.below(kClients)].get();
  if (client->peer == nullptr || client->peer->near == nullptr) {
    check(*client);
    *client = Client{};
    client->peer = world_.connect();
    client->first_id = requests_;
    if (source_.below(3) == 0) client->peer->window = source_.below(400);
    return;
  }
  switch (source_.below(8)) {
    case 0:
      return client_leaves(client);
    case 1:
    case 2:
    case 3:
      return client_begins(client);
    case 4:
      return client->peer->take(source_.below(100'000));
    default:
      return client_sends(client);
  }
}

std::string SimChaos::request_text() {
  static constexpr std::string_view kModels[] = {"m",     "same", "same", "mixed",
                                                 "loopback/delay=7ms", "none"};
  const std::string_view model = kModels[source_.below(std::size(kModels))];
  const std::string id = "x-request-id: " + std::to_string(requests_) + "\r\n";
  std::string extra = source_.below(2) == 0 ? ",\"stream\":true" : "";
  if (source_.below(8) == 0) {
    extra += ",\"pad\":\"" + std::string(source_.below(200'000), 'p') + "\"";
  } else if (model == "same") {
    // Small enough to be lent, large enough to be worth it.
    extra += ",\"pad\":\"" + std::string(source_.below(6'000), 'p') + "\"";
  }
  switch (source_.below(16)) {
    case 0:
      return sim_get("/healthz", id);
    case 1:
      return sim_get("/v1/keys", id);
    case 2:
      return sim_post("{\"model\":", id);
    case 3:
      return sim_post(sim_chat_body(model, extra), id + "Connection: close\r\n");
    case 4:
      return sim_post(sim_chat_body(model, extra), id + "Expect: 100-continue\r\n");
    case 5:
      return "POST /v1/chat/completions HTTP/1.1\r\nHost: a\r\n"
             "Authorization: Bearer client-key\r\n" +
             id + "Transfer-Encoding: chunked\r\n\r\n" + sim_chunk(sim_chat_body(model, extra)) +
             "0\r\n\r\n";
    default:
      return sim_post(sim_chat_body(model, extra), id);
  }
}

void SimChaos::client_begins(Client* client) {
  client->unsent += request_text();
  ++client->sent;
  ++requests_;
  client_sends(client);
}

void SimChaos::client_sends(Client* client) {
  const size_t n =
      source_.below(2) == 0 ? client->unsent.size() : source_.below(client->unsent.size() + 1);
  client->peer->send(std::string_view(client->unsent).substr(0, n));
  client->unsent.erase(0, n);
}

void SimChaos::client_leaves(Client* client) {
  switch (source_.below(3)) {
    case 0:
      return client->peer->reset();
    case 1:
      return client->peer->fin();
    default:
      // In the middle of a request it would be a part of that.
      if (!client->unsent.empty()) return client->peer->reset();
      return client->peer->send("no request \x01 at all\r\n\r\n");
  }
}

void SimChaos::meet_dialled() {
  while (met_ < world_.dials()) upstreams_.push_back({.peer = world_.upstream(met_++)});
}

void SimChaos::upstream_acts() {
  meet_dialled();
  std::erase_if(upstreams_, [](const Upstream& up) { return up.peer->near == nullptr; });
  if (upstreams_.empty()) return;
  Upstream* up = &upstreams_[source_.below(upstreams_.size())];
  if (!up->opened) return upstream_opens(up);
  if (up->at < up->reply.size()) return upstream_sends(up);
  if (is_request(up->peer->received)) return upstream_answers(up);
  switch (source_.below(12)) {
    case 0:
      return up->peer->reset();
    case 1:
      return up->peer->fin();
    case 2:
      return up->peer->send("HTTP/1.1 100 Continue\r\n\r\n");
    default:
      return up->peer->take(source_.below(200'000));
  }
}

void SimChaos::upstream_opens(Upstream* up) {
  up->opened = true;
  if (source_.below(6) == 0) return up->peer->refuse(NetError::kRefused);
  if (source_.below(4) == 0) up->peer->window = source_.below(2000);
  up->peer->open();
}

std::string SimChaos::reply_text(bool stream, bool* closes) {
  const std::string good = stream ? whole_stream() : sim_reply(200, whole_body());
  switch (source_.below(16)) {
    case 0:
      return sim_reply(500, "{}");
    case 1:
      return sim_reply(429, "{}", "Retry-After: 1\r\n");
    case 2:
      return sim_reply(400, "{\"error\":{\"message\":\"no\"}}");
    case 3:
      *closes = true;
      return good.substr(0, source_.below(good.size()));
    case 4:
      return good + "x";
    case 5:
      return "HTTP/1.1 103 Early\r\n\r\n" + good;
    case 6:
      return "garbage";
    case 7:
      *closes = true;
      return "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n" + whole_body();
    case 8:
      return std::string(kSimStreamHead) + sim_chunk("data: {\"error\":{\"message\":\"no\"}}\n\n") +
             std::string(kSimLastChunk);
    default:
      return good;
  }
}

void SimChaos::upstream_answers(Upstream* up) {
  const std::string request = up->peer->take_received();
  up->closes = false;
  up->reply = reply_text(request.find("\"stream\":true") != std::string::npos, &up->closes);
  up->at = 0;
  upstream_sends(up);
}

void SimChaos::upstream_sends(Upstream* up) {
  const size_t left = up->reply.size() - up->at;
  const size_t n = source_.below(2) == 0 ? left : source_.below(left + 1);
  up->peer->send(std::string_view(up->reply).substr(up->at, n));
  up->at += n;
  if (up->at < up->reply.size() || !up->closes) return;
  source_.below(2) == 0 ? up->peer->fin() : up->peer->reset();
}

void SimChaos::reload() {
  world_.answer_control();
  if (source_.below(2) == 0) return;
  std::vector<uint32_t>& list = world_.routes[0].providers;
  std::rotate(list.begin(), list.begin() + 1, list.end());
  world_.publish();
  forget();
}

// The far ends of closed connections are dropped; only what a client got is kept, for its check.
void SimChaos::forget() {
  for (const auto& client : clients_) {
    if (client->peer == nullptr || client->peer->near != nullptr) continue;
    check(*client);
    *client = Client{};
  }
  meet_dialled();
  std::erase_if(upstreams_, [](const Upstream& up) { return up.peer->near == nullptr; });
  world_.net.forget_closed();
  met_ = world_.dials();
}

void SimChaos::finish() {
  for (int i = 0; i < 2000 && world_.metrics().in_flight != 0; ++i) {
    world_.run();
    meet_dialled();
    for (const auto& client : clients_) {
      if (client->peer != nullptr) client->peer->take(SimPeer::kUnbounded);
    }
    world_.answer_control();
    if (!world_.jump()) break;
  }
  WEIR_CHECK(world_.metrics().in_flight == 0);
  world_.run();
  for (const auto& client : clients_) check(*client);
}

void SimChaos::check(const Client& client) const {
  if (client.peer == nullptr) return;
  auto answers = sim_answers(client.peer->received, client.peer->saw_fin);
  std::erase_if(answers, [](const SimAnswer& answer) { return answer.status < 200; });
  // One that was not understood has an answer as well, the last one.
  WEIR_CHECK(answers.size() <= client.sent + 1);
  uint64_t last = client.first_id;
  for (size_t i = 0; i < answers.size(); ++i) {
    const SimAnswer& answer = answers[i];
    WEIR_CHECK(answer.whole || i + 1 == answers.size());
    uint64_t id = 0;
    const std::string_view text = answer.field("x-request-id");
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), id);
    if (error == std::errc() && end == text.data() + text.size()) {
      WEIR_CHECK(i == 0 || id > last);
      last = id;
    }
    if (answer.status != 200 || !answer.whole) continue;
    const bool from_provider = answer.body.find("\"object\":") == std::string::npos &&
                               answer.body.find("\"choices\"") != std::string::npos;
    if (from_provider) WEIR_CHECK(answer.body.find(kWholeMark) != std::string::npos);
  }
}

}  // namespace weir
