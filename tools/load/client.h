// One connection's worth of requests: connects when needed, sends, checks the answer, counts.
// Tells its owner when it is free for the next request. A connection that dies before the first
// byte of an answer, after it served another request, is tried again once on a new one: that is the
// race of keep-alive and no fault. Thread: that of its loop.
#pragma once

#include <cstdint>
#include <random>
#include <string>
#include <string_view>

#include "../shared/timer.h"
#include "../shared/transport.h"
#include "answer_check.h"
#include "options.h"
#include "tally.h"

namespace weir::load {

// What all clients of a thread share. Borrowed; outlives them.
struct Setup {
  const Options* options = nullptr;
  const std::string* request = nullptr;
  std::size_t max_tokens_at = 0;  // in the request; 0: it is the same each time
  sockaddr_storage address{};
  SSL_CTX* tls = nullptr;
  const char* server_name = nullptr;
  std::uint64_t window_start_ns = 0;
  std::uint64_t window_end_ns = UINT64_MAX;
};

class Client;

class ClientOwner {
 public:
  virtual void on_free(Client& client) = 0;

 protected:
  ~ClientOwner() = default;
};

class Client {
 public:
  Client(uv_loop_t* loop, const Setup& setup, ClientOwner& owner, Tally& tally, std::uint64_t seed);
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;
  ~Client() { drop_link(); }

  // `due_ns`: from when latency counts. Only while free.
  void issue(std::uint64_t due_ns);
  // Connects and is free again, without a request.
  void open_only();
  void check_timeout(std::uint64_t now_ns);
  bool busy() const { return busy_; }
  bool connected() const { return link_ != nullptr; }

 private:
  // The socket outlives the client's interest in it until libuv has closed it.
  class Link final : public tools::TransportUser {
   public:
    Link(uv_loop_t* loop, Client* owner) : client(owner), transport(loop, this) {}
    void on_open() override {
      if (client != nullptr) client->on_open();
    }
    void on_bytes(std::string_view bytes) override {
      if (client != nullptr) client->on_bytes(bytes);
    }
    void on_gone(int error) override {
      client != nullptr ? client->on_gone(error) : transport.close();
    }
    void on_drained() override {}
    void on_closed() override { delete this; }
    Client* client;
    tools::Transport transport;
  };

  void connect();
  std::string_view next_request();
  void send();
  void on_open();
  void on_bytes(std::string_view bytes);
  void on_gone(int error);
  void finish(Wrong wrong);
  void count(Wrong wrong, std::uint64_t now_ns);
  void abort_answer();
  void become_free(double pause_ms);
  void drop_link(bool reset = false);
  bool measured() const { return due_ns_ >= setup_.window_start_ns; }

  uv_loop_t* loop_;
  const Setup& setup_;
  ClientOwner& owner_;
  Tally& tally_;
  AnswerCheck check_;
  tools::Timer pause_;
  std::mt19937_64 random_;
  Link* link_ = nullptr;
  std::uint64_t due_ns_ = 0;
  std::uint64_t sent_ns_ = 0;
  std::uint64_t answers_on_link_ = 0;
  std::uint64_t usual_bytes_ = 600;
  std::uint64_t abort_at_ = UINT64_MAX;
  std::string varied_;  // the request, where it is not the same each time
  bool busy_ = false;
  bool opening_only_ = false;
  bool opened_ = false;
  bool retried_ = false;
};

}  // namespace weir::load
