// Whole requests through a worker without a kernel, one at a time: what proxy_bench times and
// path_count counts. The simulated network stands in for the kernel, and its copies are part of the
// figures. One thread.
#pragma once

#include <string>
#include <string_view>

#include "bench/bodies.h"
#include "sim_http.h"
#include "sim_world.h"

namespace weir::bench {

// What the worker does besides passing bytes.
struct ProxyOptions {
  bool limited = false;  // the tenant has buckets of requests and of tokens
  bool timing = false;   // every answer tells where its time went
};

// A client and a provider that keep their connections, and the bytes that go between them.
struct ProxySetup {
  SimWorld world;
  SimPeer* client;
  SimPeer* upstream;

  explicit ProxySetup(const ProxyOptions& options) {
    world.checks = false;
    world.net.lends = false;
    world.limited = options.limited;
    if (options.timing) world.limits.server_timing = ServerTiming::kAlways;
    world.serve(3);
    client = world.connect(sim_chat());
    upstream = world.upstream(0);
    upstream->received.clear();
    upstream->send(sim_reply(200, sim_ok_body()));
    world.run();
    client->received.clear();
  }
  void send_request(const std::string& request) {
    client->send(request);
    world.run();
    upstream->received.clear();
  }
  // Whether an answer came, and only one; time goes on so that the clock is not a constant.
  bool end_request() {
    const bool answered = client->received.starts_with("HTTP/1.1 200");
    client->received.clear();
    world.now_ns += 1000;
    return answered;
  }
};

inline std::string proxy_request(size_t bytes, bool stream) {
  std::string body = chat_body(bytes, true);
  const size_t model = body.find("gpt-4o-mini-2024-07-18");
  body.replace(model, 22, "m");
  if (!stream) body.replace(body.find("\"stream\": true"), 14, "\"stream\": false");
  return sim_post(body);
}

// A request of `bytes` and its answer of 590 bytes. run() is false when no answer came.
class ChatWork {
 public:
  explicit ChatWork(size_t bytes, const ProxyOptions& options = {})
      : setup_(options), request_(proxy_request(bytes, false)) {
    std::string body = sim_ok_body();
    body.replace(body.find("four"), 4, std::string(kReplyBytes - body.size() + 4, 'w'));
    reply_ = sim_reply(200, body);
  }
  bool run() {
    setup_.send_request(request_);
    setup_.upstream->send(reply_);
    setup_.world.run();
    return setup_.end_request();
  }

 private:
  static constexpr size_t kReplyBytes = 590;
  ProxySetup setup_;
  std::string request_, reply_;
};

// A stream of kEvents events, each a read of its own, as from a provider that writes word by word.
class StreamWork {
 public:
  static constexpr int kEvents = 64;
  explicit StreamWork(const ProxyOptions& options = {})
      : setup_(options),
        request_(proxy_request(4096, true)),
        event_(sim_chunk(sim_event("word"))),
        last_(sim_chunk(sim_event("end", true) + "data: [DONE]\n\n") + "0\r\n\r\n") {}
  bool run() {
    setup_.send_request(request_);
    setup_.upstream->send(kSimStreamHead);
    for (int i = 1; i < kEvents; ++i) setup_.upstream->send(event_);
    setup_.upstream->send(last_);
    setup_.world.run();
    return setup_.end_request();
  }

 private:
  ProxySetup setup_;
  std::string request_, event_, last_;
};

}  // namespace weir::bench
