#include "connection.h"

#include <stdexcept>

#include "json_text.h"
#include "server.h"

namespace weir::mock {
namespace {

constexpr double kLingerMs = 1000;
constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";
constexpr std::string_view kStray = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}";
constexpr std::string_view kPathMark = "/mock:";
constexpr std::string_view kModelMark = "mock/";

std::string_view without_query(std::string_view path) {
  return path.substr(0, path.find('?'));
}

}  // namespace

Connection::Connection(uv_loop_t* loop, Server& server, std::uint64_t number)
    : server_(server),
      number_(number),
      transport_(loop, this),
      player_(loop, transport_, [this](Player::End end) { on_end(end); }),
      timer_(loop) {
  llhttp_init(&parser_, HTTP_REQUEST, parser_settings());
  parser_.data = this;
}

const llhttp_settings_t* Connection::parser_settings() {
  static const llhttp_settings_t settings = [] {
    llhttp_settings_t s;
    llhttp_settings_init(&s);
    s.on_message_begin = [](llhttp_t* p) {
      from(p)->in_request_ = true;
      from(p)->request_.clear();
      from(p)->name_begun_ = false;
      return 0;
    };
    s.on_method = [](llhttp_t* p, const char* at, std::size_t len) {
      from(p)->request_.method.append(at, len);
      return 0;
    };
    s.on_url = [](llhttp_t* p, const char* at, std::size_t len) {
      from(p)->request_.path.append(at, len);
      return 0;
    };
    s.on_header_field = [](llhttp_t* p, const char* at, std::size_t len) {
      Connection* self = from(p);
      Request& request = self->request_;
      const auto end = static_cast<std::uint32_t>(request.head.size());
      if (!self->name_begun_) request.fields.push_back({end, 0, 0, 0});
      self->name_begun_ = true;
      request.head.append(at, len);
      request.fields.back().name_len += static_cast<std::uint32_t>(len);
      request.fields.back().value_at = end + static_cast<std::uint32_t>(len);
      return 0;
    };
    s.on_header_value = [](llhttp_t* p, const char* at, std::size_t len) {
      Connection* self = from(p);
      self->name_begun_ = false;
      self->request_.head.append(at, len);
      self->request_.fields.back().value_len += static_cast<std::uint32_t>(len);
      return 0;
    };
    // An empty value has no data callback; the next name must not join this one.
    s.on_header_value_complete = [](llhttp_t* p) {
      from(p)->name_begun_ = false;
      return 0;
    };
    s.on_headers_complete = [](llhttp_t* p) {
      from(p)->on_head_complete();
      return 0;
    };
    s.on_body = [](llhttp_t* p, const char* at, std::size_t len) {
      from(p)->request_.body.append(at, len);
      return 0;
    };
    s.on_message_complete = [](llhttp_t*) { return static_cast<int>(HPE_PAUSED); };
    return s;
  }();
  return &settings;
}

void Connection::on_bytes(std::string_view bytes) {
  if (lingering_ || transport_.closing()) return;
  timer_.stop();
  const bool idle = !parsing_ && !complete_ && pending_.empty();
  if (!idle) {
    pending_ += bytes;
    return parse_pending();
  }
  parsing_ = true;
  parse(bytes);
  parsing_ = false;
  parse_pending();
}

// A loop, not a recursion: an answer that ends at once makes the next request due.
void Connection::parse_pending() {
  if (parsing_) return;
  parsing_ = true;
  while (!complete_ && !pending_.empty() && !lingering_ && !transport_.closing()) {
    std::string bytes;
    bytes.swap(pending_);
    parse(bytes);
  }
  parsing_ = false;
}

void Connection::parse(std::string_view bytes) {
  const llhttp_errno_t error = llhttp_execute(&parser_, bytes.data(), bytes.size());
  if (error == HPE_OK || lingering_ || transport_.closing()) return;
  if (error != HPE_PAUSED && error != HPE_PAUSED_UPGRADE) {
    ++server_.stats.bad_requests;
    return answer_bad(llhttp_get_error_reason(&parser_));
  }
  const char* rest = llhttp_get_error_pos(&parser_);
  pending_.assign(rest, static_cast<std::size_t>(bytes.data() + bytes.size() - rest));
  error == HPE_PAUSED ? llhttp_resume(&parser_) : llhttp_resume_after_upgrade(&parser_);
  on_message_complete();
}

void Connection::on_head_complete() {
  request_.http_1_0 = parser_.http_major == 1 && parser_.http_minor == 0;
  const std::string text = script_text();
  // No exception may pass through the parser, which is C; a wrong script is told when the request
  // is complete.
  if (text.find("early") != std::string::npos) {
    try {
      Script script = script_choose();
      early_ = script.early;
      started_ns_ = uv_hrtime();
      if (early_) return answer(std::move(script));
    } catch (const std::invalid_argument&) {
      return;
    }
  }
  if (!request_.header("expect").empty()) transport_.write(kContinue);
}

void Connection::on_message_complete() {
  complete_ = true;
  ++requests_;
  const bool was_early = early_;
  if (!was_early) started_ns_ = uv_hrtime();
  if (!was_early && answer_internal()) return next_request();
  if (!was_early && answer_fast()) return next_request();
  if (was_early) {
    request_number_ = server_.stats.on_request(request_, number_);
    if (!answering_) next_request();
    return;
  }
  Script script;
  try {
    script = script_choose();
  } catch (const std::exception& error) {
    ++server_.stats.bad_requests;
    return answer_bad(error.what());
  }
  answer(std::move(script));
}

// Where the script comes from: the x-mock field, a path segment, the model, the default.
std::string Connection::script_text() const {
  if (const auto value = request_.header("x-mock"); !value.empty()) return std::string(value);
  const std::string_view path = request_.path;
  if (const std::size_t at = path.find(kPathMark); at != std::string_view::npos) {
    const std::string_view rest = path.substr(at + kPathMark.size());
    return std::string(rest.substr(0, rest.find('/')));
  }
  std::string model = json_find_string(request_.body, "model");
  if (model.starts_with(kModelMark)) return model.substr(kModelMark.size());
  return server_.options().script;
}

Script Connection::script_choose() {
  const std::string text = script_text();
  if (text.empty()) return {};
  return server_.book.next(text, requests_ > 1);
}

void Connection::answer(Script script) {
  const Identity& identity = server_.options().identity;
  const Endpoint endpoint = endpoint_find(request_.method, without_query(request_.path));
  Reply reply = reply_make(std::move(script), request_,
                           answer_make(script, request_, endpoint, identity), identity);
  gone_path_ = request_.path;
  gone_model_ = json_find_string(request_.body, "model");
  if (!early_) request_number_ = server_.stats.on_request(request_, number_);
  close_idle_ms_ = reply.script.close_idle_ms.value_or(-1);
  stray_ms_ = reply.script.stray_ms.value_or(-1);
  no_notify_ = reply.script.no_notify;
  answering_ = true;
  ++server_.stats.in_flight;
  player_.play(std::move(reply));
}

// What the mock says for itself ends the connection, so that nothing after it is read.
void Connection::answer_bad(std::string_view why) {
  Script script;
  script.close_after = true;
  const Identity& identity = server_.options().identity;
  Reply reply = reply_make(std::move(script), request_,
                           answer_error(400, why, "invalid_request_error", "mock_error"), identity);
  complete_ = true;
  answering_ = true;
  ++server_.stats.in_flight;
  player_.play(std::move(reply));
}

// The paths that tests use to look in and to steer. They are not counted.
bool Connection::answer_internal() {
  const std::string_view path = without_query(request_.path);
  if (!path.starts_with("/__")) return false;
  std::string body = "{}";
  int status = 200;
  if (path == "/__stats") {
    body = server_.stats.stats_json();
  } else if (path == "/__requests") {
    body = server_.stats.requests_json();
  } else if (path == "/__reset" && request_.method == "POST") {
    server_.stats.reset();
    server_.book.forget();
  } else if (path == "/__script" && request_.method == "POST") {
    try {
      ScriptBook().next(request_.body, false);
      server_.options().script = request_.body;
      server_.book.forget();
    } catch (const std::exception& error) {
      status = 400;
      body = "{\"error\":{\"message\":" + json_quote(error.what()) + "}}";
    }
  } else {
    status = 404;
  }
  transport_.write("HTTP/1.1 " + std::to_string(status) +
                   " Told\r\ncontent-type: application/json" +
                   "\r\ncontent-length: " + std::to_string(body.size()) + "\r\n\r\n" + body);
  return true;
}

bool Connection::answer_fast() {
  if (!server_.options().script.empty() || !request_.header("x-mock").empty()) return false;
  if (request_.path.find(kPathMark) != std::string::npos) return false;
  const auto model = json_find(request_.body, "model");
  if (model && (model->starts_with("\"mock/") || model->starts_with("\"mock\\/"))) return false;
  const std::string* reply = server_.ready_reply(request_);
  // A client that does not read must not fill the queue; the player waits for it.
  if (reply == nullptr || transport_.queued_bytes() > 0) return false;
  transport_.write(*reply);
  ++server_.stats.answered;
  request_number_ = server_.stats.on_request(request_, number_);
  return true;
}

void Connection::on_end(Player::End end) {
  --server_.stats.in_flight;
  answering_ = false;
  switch (end) {
    case Player::End::kKeep:
      ++server_.stats.answered;
      if (complete_) next_request();
      return parse_pending();
    case Player::End::kClose:
      ++server_.stats.answered;
      transport_.send_fin(!no_notify_);
      return linger();
    case Player::End::kCut:
      ++server_.stats.broken_off;
      transport_.send_fin(false);
      return linger();
    case Player::End::kReset:
      ++server_.stats.broken_off;
      return transport_.reset();
  }
}

void Connection::next_request() {
  in_request_ = complete_ = early_ = false;
  if (!pending_.empty()) return;
  if (stray_ms_ >= 0) {
    timer_.start(stray_ms_, [this] { transport_.write(kStray); });
  } else if (close_idle_ms_ >= 0) {
    timer_.start(close_idle_ms_, [this] { transport_.close(); });
  }
  stray_ms_ = close_idle_ms_ = -1;
}

// Closing a socket with unread bytes sends RST, which could destroy what was just written. So the
// rest is read and dropped until the client closes or the time is up.
void Connection::linger() {
  lingering_ = true;
  timer_.start(kLingerMs, [this] { transport_.close(); });
}

void Connection::on_gone(int error) {
  if (error == UV_EPROTO) ++server_.stats.tls_failures;
  if (answering_) {
    --server_.stats.in_flight;
    answering_ = false;
    const double after_ms = static_cast<double>(uv_hrtime() - started_ns_) / 1e6;
    server_.stats.on_gone({request_number_, gone_path_, gone_model_, after_ms, player_.sent_bytes(),
                           player_.pieces(), error != UV_EOF});
  } else if (in_request_ && !complete_ && !lingering_) {
    ++server_.stats.cut_requests;
  }
  player_.abandon();
  transport_.close();
}

void Connection::on_closed() {
  if (answering_) --server_.stats.in_flight;
  server_.forget(this);
}

}  // namespace weir::mock
