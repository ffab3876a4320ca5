#include "server.h"

#include <memory>

#include "connection.h"
#include "json_text.h"
#include "reply.h"

namespace weir::mock {
namespace {

constexpr int kBacklog = 4096;
// Model names come from clients, so the set of ready replies is bounded.
constexpr std::size_t kMaxReady = 256;
constexpr std::size_t kMaxReadyModel = 128;

}  // namespace

int Server::start() {
  uv_tcp_init(loop_, &listener_);
  listener_.data = this;
  sockaddr_storage address{};
  auto* v4 = reinterpret_cast<sockaddr_in*>(&address);
  auto* v6 = reinterpret_cast<sockaddr_in6*>(&address);
  int error = uv_ip4_addr(options_.host.c_str(), options_.port, v4);
  if (error != 0) error = uv_ip6_addr(options_.host.c_str(), options_.port, v6);
  if (error != 0) return error;
  error = uv_tcp_bind(&listener_, reinterpret_cast<sockaddr*>(&address), 0);
  if (error != 0) return error;
  error = uv_listen(reinterpret_cast<uv_stream_t*>(&listener_), kBacklog, &Server::on_connection);
  if (error != 0) return error;
  int len = sizeof address;
  uv_tcp_getsockname(&listener_, reinterpret_cast<sockaddr*>(&address), &len);
  return ntohs(address.ss_family == AF_INET ? v4->sin_port : v6->sin6_port);
}

void Server::on_connection(uv_stream_t* listener, int status) {
  auto* self = static_cast<Server*>(listener->data);
  if (status != 0) return;
  ++self->stats.accepted;
  ++self->stats.open;
  auto* connection = new Connection(self->loop_, *self, self->stats.accepted);
  self->connections_.insert(connection);
  // A hanging handshake is a server that takes the connection and never says a word.
  SSL_CTX* tls = self->options_.tls_hang ? nullptr : self->options_.tls;
  if (connection->accept_from(listener, tls) != 0) connection->close();
}

void Server::forget(Connection* connection) {
  --stats.open;
  connections_.erase(connection);
  delete connection;
}

void Server::stop() {
  uv_close(reinterpret_cast<uv_handle_t*>(&listener_), nullptr);
  for (Connection* connection : connections_) connection->close();
}

const std::string* Server::ready_reply(const Request& request) {
  const Endpoint endpoint = endpoint_find(request.method, request.path);
  if (endpoint != Endpoint::kChat && endpoint != Endpoint::kCompletions) return nullptr;
  if (request.http_1_0 || !request.header("connection").empty()) return nullptr;
  const std::string model = json_find_string(request.body, "model");
  if (model.size() > kMaxReadyModel) return nullptr;
  ready_key_.clear();
  ready_key_ += endpoint == Endpoint::kChat ? 'c' : 't';
  const bool stream = json_find_true(request.body, "stream");
  ready_key_ += stream ? 's' : 'p';
  ready_key_ += stream && json_find_true(request.body, "include_usage") ? 'u' : '-';
  ready_key_ += model;
  if (const auto found = ready_.find(ready_key_); found != ready_.end()) return &found->second;
  if (ready_.size() >= kMaxReady) return nullptr;

  const Script script;
  Reply reply =
      reply_make(script, request, answer_make(script, request, endpoint, options_.identity),
                 options_.identity);
  std::string bytes = reply.head;
  std::string piece;
  while (reply.answer.source->next(&piece)) bytes += reply_frame(reply.chunked, piece);
  if (reply.chunked) bytes += "0\r\n\r\n";
  return &(ready_[ready_key_] = std::move(bytes));
}

}  // namespace weir::mock
