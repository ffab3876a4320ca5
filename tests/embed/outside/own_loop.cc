// The engine on the program's own libuv loop: no thread of this program but main.
#include <uv.h>
#include <weir/engine.h>

#include <cstdio>

namespace {

uv_timer_t alive;  // the program's own handle: it keeps the loop running while it waits

const weir::AnswerEvents kEvents = {
    .on_head = [](void*, uint64_t, int status, std::string_view) { std::printf("%d\n", status); },
    .on_body = [](void*, uint64_t,
                  std::string_view bytes) { std::fwrite(bytes.data(), 1, bytes.size(), stdout); },
    .on_end =
        [](void*, uint64_t, weir::AnswerEnd end) {
          std::printf("\nend %d\n", static_cast<int>(end));
          uv_timer_stop(&alive);
        },
};

}  // namespace

int main() {
  auto engine = weir::Engine::create(
      R"({"providers": [{"name": "lo", "type": "loopback"}],
          "models": [{"provider": "lo", "id": "echo", "alias": "chat"}], "log": {"access": "off"}})",
      {.admin_key = "my-own-key"});
  if (!engine) return std::fprintf(stderr, "%s\n", engine.error().c_str()), 1;

  uv_loop_t* loop = uv_default_loop();
  uv_timer_init(loop, &alive);
  uv_timer_start(&alive, [](uv_timer_t*) {}, 60'000, 60'000);
  const auto worker = (*engine)->attach(loop);
  if (!worker) return std::fprintf(stderr, "%s\n", worker.error().c_str()), 1;

  const weir::SubmitRequest request{
      .target = "/v1/chat/completions",
      .key = "my-own-key",
      .body = R"({"model":"chat","messages":[{"role":"user","content":"good morning river"}]})"};
  if ((*engine)->submit_on(*worker, request, &kEvents, nullptr) == 0) return 2;
  uv_run(loop, UV_RUN_DEFAULT);  // until on_end stops the timer

  (*engine)->detach(*worker, [](void*) { std::printf("detached\n"); }, nullptr);
  uv_run(loop, UV_RUN_DEFAULT);  // until everything of the engine has left the loop
  return 0;
}
