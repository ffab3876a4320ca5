/* The engine on its own threads, from C. */
#include <semaphore.h>
#include <stdio.h>
#include <string.h>
#include <weir/weir.h>

static const char kConfig[] =
    "providers: [{name: lo, type: loopback}]\n"
    "models: [{provider: lo, id: echo, alias: chat}]\n"
    "log: {access: \"off\"}\n";
static const char kBody[] =
    "{\"model\":\"chat\",\"stream\":true,"
    "\"messages\":[{\"role\":\"user\",\"content\":\"good morning river\"}]}";

static weir_text text(const char* s) {
  weir_text t = {s, strlen(s)};
  return t;
}

static void on_head(void* user, uint64_t id, int status, weir_text fields) {
  weir_text type = weir_field(fields, text("content-type"));
  (void)user, (void)id;
  printf("%d %.*s\n", status, (int)type.size, type.data);
}
static void on_body(void* user, uint64_t id, weir_text bytes) {
  (void)user, (void)id;
  fwrite(bytes.data, 1, bytes.size, stdout);
}
static void on_end(void* user, uint64_t id, int end) {
  (void)id;
  printf("end %d\n", end);
  sem_post(user);
}

int main(void) {
  weir_error error = {.struct_size = sizeof error};
  weir_engine_options options = {.struct_size = sizeof options, .admin_key = text("my-own-key")};
  weir_engine* engine = weir_engine_create(text(kConfig), &options, &error);
  if (engine == NULL || !weir_engine_start(engine, &error)) {
    return fprintf(stderr, "%s\n", error.message), 1;
  }
  weir_request request = {.struct_size = sizeof request,
                          .target = text("/v1/chat/completions"),
                          .key = text("my-own-key"),
                          .body = text(kBody)};
  weir_events events = {sizeof events, on_head, on_body, on_end};
  sem_t done;
  sem_init(&done, 0, 0);
  if (weir_engine_submit(engine, &request, &events, &done) == 0) return 2;
  sem_wait(&done);
  weir_engine_stop(engine);
  weir_engine_free(engine);
  return 0;
}
