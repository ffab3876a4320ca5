#include "run.h"

#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <ctime>
#include <memory>

#include "activation.h"
#include "control/control_plane.h"
#include "control/data_dir.h"
#include "control/secret/sealing_key.h"
#include "embed/engine_config.h"
#include "embed/worker_set.h"
#include "net/address.h"
#include "report.h"

namespace weir {

namespace {

int refuse(const std::string& line) {
  report_line(line);
  return 1;
}

uint32_t available_cores() {
  cpu_set_t set;
  CPU_ZERO(&set);
  if (sched_getaffinity(0, sizeof set, &set) != 0) return 1;
  return static_cast<uint32_t>(std::max(CPU_COUNT(&set), 1));
}

// Empty, or what is wrong with a --listen.
std::string options_apply(const RunOptions& options, Config* config) {
  if (!options.listen.empty()) config->listen.clear();
  for (const std::string& text : options.listen) {
    const auto parsed = listen_parse(text);
    if (!parsed) return "--listen " + message_quote(text) + " " + parsed.error();
    ListenConfig listen;
    listen.address = text;
    listen.host = parsed->host;
    listen.port = parsed->port;
    config->listen.push_back(listen);
  }
  if (options.workers != 0) config->workers = options.workers;
  if (config->workers == 0) config->workers = available_cores();
  if (!options.data_dir.empty()) config->data_dir = options.data_dir;
  return {};
}

WorkerSetOptions worker_options(const Config& config) {
  WorkerSetOptions out;
  out.workers = config.workers;
  out.pin_cpus = config.pin_cpus;
  for (const ListenConfig& listen : config.listen) {
    out.listen.push_back({listen.host, listen.port, listen.certificate_file, listen.key_file,
                          listen.fd});
  }
  return out;
}

// Sockets that were opened for this process take the place of the list, one by one, so that the nth
// has the certificate of the nth.
std::string activation_apply(Config* config) {
  const auto sockets = inherited_sockets();
  if (!sockets) return sockets.error();
  if (sockets->empty()) return {};
  config->listen.resize(sockets->size());
  for (size_t i = 0; i < sockets->size(); ++i) {
    ListenConfig& listen = config->listen[i];
    listen.host = (*sockets)[i].host;
    listen.port = (*sockets)[i].port;
    listen.fd = (*sockets)[i].fd;
  }
  return {};
}

std::string chat_command(const std::string& url, const std::string& key,
                         const std::string& model) {
  return "  curl " + url + "/v1/chat/completions -H \"Authorization: Bearer " + key +
         "\" \\\n    -H 'Content-Type: application/json' \\\n    -d '{\"model\":\"" + model +
         "\",\"messages\":[{\"role\":\"user\",\"content\":\"Hello\"}]}'";
}

// As it was called, so that what is printed can be pasted.
std::string own_program() {
  char path[4096];
  const ssize_t length = readlink("/proc/self/exe", path, sizeof path);
  return length > 0 ? std::string(path, static_cast<size_t>(length)) : "weir";
}

// "$(cat FILE)", from any folder.
std::string key_command(const AdminKey& key) {
  const std::unique_ptr<char, decltype(&std::free)> whole(realpath(key.file.c_str(), nullptr),
                                                          &std::free);
  return "$(cat " + (whole != nullptr ? std::string(whole.get()) : key.file) + ")";
}

// The one time that the first key is shown, and what to do with it.
void introduce(const std::string& url, const AdminKey& key) {
  const std::string weir = own_program();
  report_line("made the first admin key, shown this once and kept in " + key.file + ":\n  " +
              key.value.reveal());
  report_line("next, with an OPENAI_API_KEY in the environment:\n  export WEIR_URL=" + url +
              " WEIR_KEY=" + key_command(key) + "\n  " + weir +
              " providers create openai my-openai --secret apikey=env:OPENAI_API_KEY\n  " + weir +
              " models create my-openai gpt-4o-mini --alias chat\n" +
              chat_command("$WEIR_URL", "$WEIR_KEY", "chat"));
}

void greet(const Config& config, const std::vector<uint16_t>& ports, const AdminKey& key) {
  std::string url;
  for (size_t i = 0; i < config.listen.size(); ++i) {
    const ListenConfig& listen = config.listen[i];
    const bool v6 = listen.host.find(':') != std::string::npos;
    const std::string place = (listen.tls ? "https://" : "http://") +
                              (v6 ? "[" + listen.host + "]" : listen.host) + ":" +
                              std::to_string(ports[i]);
    if (config.log.level >= LogLevel::kInfo) report_line("listening on " + place);
    if (url.empty()) url = place;
  }
  // Shown once, and so at every level.
  if (key.made) introduce(url, key);
  if (config.log.level < LogLevel::kInfo) return;
  report_line(std::to_string(config.workers) + " worker(s), data in " + config.data_dir);
  // A key of the operator's own is shown to nobody.
  if (key.file.empty() || config.models.empty()) return;
  const ModelConfig& model = config.models.front();
  const std::string name = model.alias.empty() ? model.id : model.alias;
  report_line((key.made ? "or try what is there:\n" : "try it:\n") +
              chat_command(url, key_command(key), name));
}

// Waits for a signal, at most `timeout_ms` (-1: for ever); 0 when none came.
int signal_wait(const sigset_t& set, int timeout_ms) {
  if (timeout_ms < 0) {
    int number = 0;
    return sigwait(&set, &number) == 0 ? number : 0;
  }
  const timespec wait{timeout_ms / 1000, timeout_ms % 1000 * 1'000'000};
  const int number = sigtimedwait(&set, nullptr, &wait);
  return number > 0 ? number : 0;
}

void serve(const sigset_t& set, WorkerSet* workers, ControlPlane* control) {
  for (;;) {
    const int number = signal_wait(set, -1);
    if (number == SIGTERM || number == SIGINT) return;
    if (number == SIGUSR1) control->request_log_reopen();
    if (number != SIGHUP) continue;
    control->request_reload();
    if (const auto done = workers->reload_tls(); !done) {
      report_line(done.error() + "; the listeners keep the certificates they have");
    }
  }
}

// Until all requests have ended, the time is over, or a second signal asks to end at once.
void drain(const sigset_t& set, WorkerSet* workers, uint32_t timeout_ms) {
  constexpr uint32_t kStepMs = 20;
  workers->drain();
  for (uint32_t waited = 0; waited < timeout_ms && !workers->drained(); waited += kStepMs) {
    const int number = signal_wait(set, kStepMs);
    if (number == SIGTERM || number == SIGINT) return;
  }
}

}  // namespace

int weir_run(const RunOptions& options) {
  // Blocked before any thread is made, so that every thread inherits it.
  sigset_t set;
  sigemptyset(&set);
  for (const int number : {SIGTERM, SIGINT, SIGHUP, SIGUSR1}) sigaddset(&set, number);
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  process_protect();

  ControlOptions control_options = engine_control_options();
  control_options.config_file = options.config_file;
  control_options.report = report_line;
  LoadedConfig loaded = options.config_file.empty()
                            ? config_embedded(control_options.config)
                            : config_load(options.config_file, control_options.config);
  if (!loaded.usable()) return refuse(loaded.first_error());
  control_options.started_with.emplace(loaded.config);
  if (const std::string wrong = options_apply(options, &loaded.config); !wrong.empty()) {
    return refuse(wrong);
  }
  if (const std::string wrong = activation_apply(&loaded.config); !wrong.empty()) {
    return refuse(wrong);
  }
  const Config config = loaded.config;
  const auto data = DataDir::open(config.data_dir);
  if (!data) return refuse(data.error());
  const auto key = admin_key_find(config.admin_key, *data);
  if (!key) return refuse(key.error());
  control_options.admin_key = key->value;
  control_options.workers = worker_options(config).workers;
  control_options.database = data->path() + "/weir.db";
  const auto sealing = sealer_open({config.sealing_key, config.previous_sealing_key}, data->path(),
                                   control_options.database);
  if (!sealing) return refuse(sealing.error());
  control_options.sealer = sealing->sealer;
  auto control = ControlPlane::create(std::move(control_options), std::move(loaded));
  if (!control) return refuse(control.error());
  auto workers = WorkerSet::create(worker_options(config), (*control)->link());
  if (!workers) return refuse(workers.error());
  (*control)->attach((*workers)->links());
  (*control)->start();
  (*workers)->start();
  if (!sealing->made.empty() && config.log.level >= LogLevel::kWarn) {
    report_line("warning: made " + sealing->made + ", which opens every secret in the database; " +
                "keep a copy apart from it, or set sealing_key");
  }
  greet(config, (*workers)->ports(), *key);
  serve(set, workers->get(), control->get());
  drain(set, workers->get(), (*control)->drain_timeout_ms());
  (*workers)->stop();
  (*control)->stop();
  return 0;
}

}  // namespace weir
