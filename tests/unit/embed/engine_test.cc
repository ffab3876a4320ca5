// Goal: the engine inside a process keeps its word about loops, threads and callbacks.
// Method: loopback answers; loops are the test's own; a few things go over real sockets.
#include <weir/engine.h>

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>
#include <uv.h>

#include <atomic>
#include <condition_variable>
#include <map>
#include <mutex>
#include <string>
#include <thread>

namespace weir {
namespace {

constexpr char kConfig[] = R"(
providers: [{name: lo, type: loopback}]
models:
  - {provider: lo, id: echo, alias: chat}
  - {provider: lo, id: "words=3,delay=20ms", alias: slow}
log: {access: "off"}
listen: [{address: "127.0.0.1:0"}]
)";

std::string chat(std::string_view model, bool stream = false) {
  return R"({"model":")" + std::string(model) + R"(","stream":)" + (stream ? "true" : "false") +
         R"(,"messages":[{"role":"user","content":"good morning river"}]})";
}

struct Answers {
  struct One {
    int status = 0, ends = 0;
    std::string fields, body;
    AnswerEnd end = AnswerEnd::kComplete;
    std::thread::id thread;
  };
  std::mutex mutex;
  std::condition_variable changed;
  std::map<uint64_t, One> all;

  One wait(uint64_t id) {
    std::unique_lock lock(mutex);
    changed.wait(lock, [&] { return all[id].ends != 0; });
    return all[id];
  }
};

const AnswerEvents kEvents = {
    .on_head =
        [](void* user, uint64_t id, int status, std::string_view fields) {
          auto* answers = static_cast<Answers*>(user);
          const std::lock_guard lock(answers->mutex);
          answers->all[id].status = status;
          answers->all[id].fields = fields;
        },
    .on_body =
        [](void* user, uint64_t id, std::string_view bytes) {
          auto* answers = static_cast<Answers*>(user);
          const std::lock_guard lock(answers->mutex);
          answers->all[id].body += bytes;
        },
    .on_end =
        [](void* user, uint64_t id, AnswerEnd end) {
          auto* answers = static_cast<Answers*>(user);
          const std::lock_guard lock(answers->mutex);
          ++answers->all[id].ends;
          answers->all[id].end = end;
          answers->all[id].thread = std::this_thread::get_id();
          answers->changed.notify_all();
        },
};

std::unique_ptr<Engine> make(EngineOptions options = {}) {
  options.admin_key = "secret-key";
  auto engine = Engine::create(kConfig, options);
  EXPECT_TRUE(engine) << engine.error();
  return std::move(*engine);
}

SubmitRequest request(const std::string& body) {
  return {.target = "/v1/chat/completions", .key = "secret-key", .body = body};
}

// A loop of the test's, kept alive by a timer of its own while answers are awaited.
struct Loop {
  uv_loop_t uv;
  uv_timer_t alive;
  Loop() {
    uv_loop_init(&uv);
    uv_timer_init(&uv, &alive);
  }
  ~Loop() {
    uv_close(reinterpret_cast<uv_handle_t*>(&alive), nullptr);
    uv_run(&uv, UV_RUN_DEFAULT);
    EXPECT_EQ(uv_loop_close(&uv), 0);
  }
  template <typename Until>
  void run(Until until) {
    uv_timer_start(&alive, [](uv_timer_t*) {}, 1, 1);
    while (!until()) uv_run(&uv, UV_RUN_ONCE);
    uv_timer_stop(&alive);
  }
  void detach(Engine* engine, uint32_t worker) {
    bool done = false;
    engine->detach(worker, [](void* user) { *static_cast<bool*>(user) = true; }, &done);
    uv_run(&uv, UV_RUN_DEFAULT);  // kept alive until the worker has gone, and no longer
    EXPECT_TRUE(done);
  }
};

TEST(Engine, AnswersOnALoopOfTheCallers) {
  const auto engine = make();
  Loop loop;
  const uint32_t worker = engine->attach(&loop.uv).value();
  uv_run(&loop.uv, UV_RUN_DEFAULT);  // nothing of the engine keeps it running
  Answers answers;
  const std::string body = chat("chat"), stream = chat("chat", true);
  const uint64_t whole = engine->submit_on(worker, request(body), &kEvents, &answers);
  const uint64_t events = engine->submit_on(worker, request(stream), &kEvents, &answers);
  const uint64_t refused = engine->submit_on(worker, {.target = "/v1/models"}, &kEvents, &answers);
  ASSERT_NE(whole, 0u);
  EXPECT_TRUE(answers.all.empty());
  loop.run([&] { return answers.all[whole].ends + answers.all[events].ends == 2; });
  EXPECT_EQ(answers.all[whole].status, 200);
  EXPECT_NE(answers.all[whole].body.find("good morning river"), std::string::npos);
  EXPECT_EQ(answer_field(answers.all[whole].fields, "content-type"), "application/json");
  EXPECT_EQ(answer_field(answers.all[whole].fields, "transfer-encoding"), "");
  EXPECT_TRUE(answers.all[events].body.ends_with("data: [DONE]\n\n"));
  EXPECT_EQ(answers.all[refused].status, 401);
  loop.detach(engine.get(), worker);
  EXPECT_EQ(engine->submit_on(worker, request(body), &kEvents, &answers), 0u);
}

TEST(Engine, DetachCancelsWhatRunsAndFreesThePlace) {
  const auto engine = make();
  Loop loop;
  Answers answers;
  const std::string body = chat("slow", true);
  for (int round = 0; round < 3; ++round) {
    const uint32_t worker = engine->attach(&loop.uv).value();
    EXPECT_EQ(worker, 0u);
    EXPECT_FALSE(engine->attach(&loop.uv).has_value());  // one place only
    const uint64_t id = engine->submit_on(worker, request(body), &kEvents, &answers);
    loop.run([&] { return !answers.all[id].body.empty(); });
    loop.detach(engine.get(), worker);
    EXPECT_EQ(answers.all[id].end, AnswerEnd::kCancelled);
    EXPECT_EQ(answers.all[id].ends, 1);
    answers.all.clear();
  }
}

TEST(Engine, AnswersOnThreadsOfItsOwn) {
  const auto engine = make({.workers = 2});
  ASSERT_TRUE(engine->start());
  EXPECT_FALSE(engine->start());
  Answers answers;
  const std::string body = chat("chat");
  for (int i = 0; i < 8; ++i) {
    const auto got = answers.wait(engine->submit(request(body), &kEvents, &answers));
    EXPECT_EQ(got.status, 200);
    EXPECT_NE(got.thread, std::this_thread::get_id());
  }
  const std::string slow = chat("slow", true);
  const uint64_t id = engine->submit(request(slow), &kEvents, &answers);
  engine->cancel(id);
  EXPECT_EQ(answers.wait(id).end, AnswerEnd::kCancelled);
  const uint64_t last = engine->submit(request(slow), &kEvents, &answers);
  engine->stop();
  EXPECT_EQ(answers.wait(last).ends, 1);
  EXPECT_EQ(engine->submit(request(body), &kEvents, &answers), 0u);
}

TEST(Engine, PublishReplacesTheConfiguration) {
  const auto engine = make();
  ASSERT_TRUE(engine->start());
  Answers answers;
  const auto bad = engine->publish("providers: [{name: lo, type: nothing}]");
  ASSERT_FALSE(bad);
  EXPECT_NE(bad.error().find("config:1:"), std::string::npos) << bad.error();
  ASSERT_TRUE(engine->publish(R"({"providers": [{"name": "lo", "type": "loopback"}],
      "models": [{"provider": "lo", "id": "echo", "alias": "other"}], "log": {"access": "off"}})"));
  const std::string body = chat("other"), gone = chat("chat");
  EXPECT_EQ(answers.wait(engine->submit(request(body), &kEvents, &answers)).status, 200);
  EXPECT_EQ(answers.wait(engine->submit(request(gone), &kEvents, &answers)).status, 404);
}

TEST(Engine, ServesASocketThatTheCallerAccepted) {
  const auto engine = make();
  ASSERT_TRUE(engine->start());
  const int listener = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  uv_ip4_addr("127.0.0.1", 0, &address);
  socklen_t size = sizeof(address);
  auto* any = reinterpret_cast<sockaddr*>(&address);
  ASSERT_EQ(bind(listener, any, size), 0);
  ASSERT_EQ(listen(listener, 1), 0);
  ASSERT_EQ(getsockname(listener, any, &size), 0);
  const int client = socket(AF_INET, SOCK_STREAM, 0);
  ASSERT_EQ(connect(client, any, size), 0);
  EXPECT_FALSE(engine->adopt(7, client));
  ASSERT_TRUE(engine->adopt(0, accept(listener, nullptr, nullptr)));
  const std::string get = "GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
  ASSERT_EQ(write(client, get.data(), get.size()), static_cast<ssize_t>(get.size()));
  std::string got;
  char buffer[4096];
  for (ssize_t n; (n = read(client, buffer, sizeof buffer)) > 0;) got.append(buffer, n);
  EXPECT_TRUE(got.starts_with("HTTP/1.1 200 OK\r\n")) << got;
  close(client);
  close(listener);
}

TEST(Engine, ListensWhenAsked) {
  const auto engine = make({.listen = true});
  EXPECT_NE(engine->port(0), 0);
  EXPECT_EQ(engine->port(1), 0);
  EXPECT_EQ(make()->port(0), 0);
}

TEST(Engine, SaysWhatIsWrong) {
  EXPECT_FALSE(Engine::create("providers: 7", {}));
  EXPECT_FALSE(Engine::create(kConfig, {.workers = 0}));
  EXPECT_FALSE(Engine::create(kConfig, {.data_dir = "/proc/nothing"}));
}

}  // namespace
}  // namespace weir
