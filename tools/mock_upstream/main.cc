// The command line of the mock upstream. See tools/README.md for the scripts.

#include <openssl/ssl.h>
#include <sys/resource.h>
#include <uv.h>

#include <CLI/CLI.hpp>
#include <csignal>
#include <cstdio>
#include <string>

#include "../shared/units.h"
#include "script.h"
#include "server.h"

namespace {

struct Arguments {
  std::string listen = "127.0.0.1:0";
  std::string cert;
  std::string key;
  std::string tls_max;
  bool tls = false;
  weir::mock::ServerOptions server;
};

int complain(const std::string& why) {
  std::fprintf(stderr, "mock_upstream: %s\n", why.c_str());
  return 2;
}

SSL_CTX* tls_make(const Arguments& arguments) {
  SSL_CTX* context = SSL_CTX_new(TLS_server_method());
  if (arguments.tls_max == "1.2") SSL_CTX_set_max_proto_version(context, TLS1_2_VERSION);
  if (SSL_CTX_use_certificate_chain_file(context, arguments.cert.c_str()) == 1 &&
      SSL_CTX_use_PrivateKey_file(context, arguments.key.c_str(), SSL_FILETYPE_PEM) == 1) {
    return context;
  }
  SSL_CTX_free(context);
  return nullptr;
}

void split_listen(const std::string& listen, weir::mock::ServerOptions& options) {
  const std::size_t colon = listen.rfind(':');
  if (colon == std::string::npos) throw std::invalid_argument("--listen needs ADDRESS:PORT");
  options.host = listen.substr(0, colon);
  if (options.host.starts_with('[')) options.host = options.host.substr(1, options.host.size() - 2);
  const std::uint64_t port = weir::tools::parse_count(listen.substr(colon + 1));
  if (port > 65535) throw std::invalid_argument("--listen: port out of range");
  options.port = static_cast<int>(port);
}

void on_signal(uv_signal_t* handle, int) {
  static_cast<weir::mock::Server*>(handle->data)->stop();
  uv_walk(
      handle->loop,
      [](uv_handle_t* other, void*) {
        if (other->type == UV_SIGNAL && !uv_is_closing(other)) uv_close(other, nullptr);
      },
      nullptr);
}

int serve(const Arguments& arguments) {
  uv_loop_t loop;
  uv_loop_init(&loop);
  int port = 0;
  {
    weir::mock::Server server(&loop, arguments.server);
    port = server.start();
    if (port < 0) return complain(arguments.listen + ": " + uv_strerror(port));
    uv_signal_t signals[2];
    for (int i = 0; i < 2; ++i) {
      uv_signal_init(&loop, &signals[i]);
      signals[i].data = &server;
      uv_signal_start(&signals[i], &on_signal, i == 0 ? SIGTERM : SIGINT);
    }
    std::printf("listening %s:%d\n",
                arguments.listen.substr(0, arguments.listen.rfind(':')).c_str(), port);
    std::fflush(stdout);
    uv_run(&loop, UV_RUN_DEFAULT);
  }
  uv_loop_close(&loop);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  Arguments arguments;
  arguments.server.identity = {"mock", {"mock-small", "mock-large", "mock-embed"}};
  CLI::App app(
      "A scripted provider that speaks the OpenAI dialect, for tests and benches.\n"
      "Scripts and their keys: tools/README.md",
      "mock_upstream");
  app.add_option("--listen", arguments.listen, "ADDRESS:PORT; port 0 lets the system choose")
      ->capture_default_str();
  app.add_flag("--tls", arguments.tls, "serve HTTPS; needs --cert and --key");
  app.add_option("--cert", arguments.cert, "PEM file with the certificate chain");
  app.add_option("--key", arguments.key, "PEM file with the private key");
  app.add_option("--tls-max", arguments.tls_max, "highest TLS version: 1.2 or 1.3")
      ->check(CLI::IsMember({"1.2", "1.3"}));
  app.add_flag("--tls-hang", arguments.server.tls_hang,
               "take connections and never answer a handshake");
  app.add_option("--script", arguments.server.script,
                 "script of requests that name none, such as \"fail=503,delay=20ms\"");
  app.add_option("--name", arguments.server.identity.name,
                 "value of x-mock-name and system_fingerprint")
      ->capture_default_str();
  app.add_option("--models", arguments.server.identity.models, "ids that GET /models lists")
      ->delimiter(',')
      ->capture_default_str();
  try {
    app.parse(argc, argv);
    split_listen(arguments.listen, arguments.server);
    weir::mock::ScriptBook().next(arguments.server.script, false);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  } catch (const std::exception& error) {
    return complain(error.what());
  }
  // Many idle connections are the point of some tests.
  rlimit files{};
  getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  setrlimit(RLIMIT_NOFILE, &files);
  std::signal(SIGPIPE, SIG_IGN);
  if (arguments.tls && !arguments.server.tls_hang) {
    arguments.server.tls = tls_make(arguments);
    if (arguments.server.tls == nullptr) return complain("cannot read --cert or --key");
  }
  const int status = serve(arguments);
  SSL_CTX_free(arguments.server.tls);
  return status;
}
