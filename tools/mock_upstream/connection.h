// One client connection of the mock: parses requests with llhttp, chooses the script, plays the
// reply. Requests that arrive while a reply plays wait; reading goes on, so that a client that goes
// away is seen at once. Deletes itself through the server when its socket is closed.
// Thread: that of the loop.
#pragma once

#include <llhttp.h>

#include <cstdint>
#include <string>
#include <string_view>

#include "../shared/timer.h"
#include "../shared/transport.h"
#include "player.h"
#include "request.h"

namespace weir::mock {

class Server;

class Connection final : public tools::TransportUser {
 public:
  Connection(uv_loop_t* loop, Server& server, std::uint64_t number);

  int accept_from(uv_stream_t* listener, SSL_CTX* tls) {
    return transport_.accept_from(listener, tls);
  }
  void close() { transport_.close(); }

  void on_open() override {}
  void on_bytes(std::string_view bytes) override;
  void on_gone(int error) override;
  void on_drained() override { player_.on_drained(); }
  void on_closed() override;

 private:
  static const llhttp_settings_t* parser_settings();
  static Connection* from(llhttp_t* parser) { return static_cast<Connection*>(parser->data); }

  void parse(std::string_view bytes);
  void parse_pending();
  void on_head_complete();
  void on_message_complete();
  void on_end(Player::End end);
  void next_request();
  void answer(Script script);
  void answer_bad(std::string_view why);
  bool answer_internal();
  bool answer_fast();
  void after_answer(const Script& script);
  Script script_choose();
  std::string script_text() const;
  void linger();

  Server& server_;
  std::uint64_t number_;
  tools::Transport transport_;
  Player player_;
  tools::Timer timer_;
  llhttp_t parser_;
  Request request_;
  std::string pending_;
  std::uint64_t request_number_ = 0;
  std::uint64_t started_ns_ = 0;  // when the request was complete
  std::uint64_t requests_ = 0;
  double close_idle_ms_ = -1;
  double stray_ms_ = -1;
  bool parsing_ = false;
  bool in_request_ = false;  // a request has begun and its answer has not ended
  bool complete_ = false;    // the request is read whole
  bool answering_ = false;   // an answer has begun and not ended
  bool early_ = false;       // the answer began at the head
  bool lingering_ = false;
  bool no_notify_ = false;
  bool name_begun_ = false;
  std::string gone_path_;
  std::string gone_model_;
};

}  // namespace weir::mock
