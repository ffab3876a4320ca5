// The listening socket of the mock and everything its connections share: the options, the counters,
// the scripts and the ready-made default replies. Outlives its connections.
// Thread: that of the loop.
#pragma once

#include <openssl/ssl.h>
#include <uv.h>

#include <cstdint>
#include <string>
#include <unordered_map>
#include <unordered_set>

#include "answer.h"
#include "script.h"
#include "stats.h"

namespace weir::mock {

class Connection;

struct ServerOptions {
  std::string host = "127.0.0.1";
  int port = 0;
  std::string script;
  Identity identity;
  SSL_CTX* tls = nullptr;
  bool tls_hang = false;
};

class Server {
 public:
  Server(uv_loop_t* loop, ServerOptions options) : loop_(loop), options_(std::move(options)) {}

  // Binds and listens; returns the port, or a negative libuv error.
  int start();
  void stop();
  void forget(Connection* connection);

  // The whole reply to a plain request, made once per model. Null: not a default case.
  const std::string* ready_reply(const Request& request);

  Stats stats;
  ScriptBook book;
  ServerOptions& options() { return options_; }

 private:
  static void on_connection(uv_stream_t* listener, int status);

  uv_loop_t* loop_;
  ServerOptions options_;
  uv_tcp_t listener_{};
  std::unordered_set<Connection*> connections_;
  std::unordered_map<std::string, std::string> ready_;
  std::string ready_key_;
};

}  // namespace weir::mock
