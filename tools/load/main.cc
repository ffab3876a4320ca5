// weir_load: see --help and tools/README.md. This file prepares the run, starts the threads, reads
// the CPU meter at both ends of the window, and reports.

#include <netdb.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <sys/resource.h>
#include <time.h>

#include <csignal>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <iostream>
#include <memory>
#include <stdexcept>
#include <thread>
#include <vector>

#include "body.h"
#include "cpu_meter.h"
#include "idle_holder.h"
#include "options.h"
#include "report.h"
#include "worker.h"

namespace weir::load {
namespace {

sockaddr_storage resolve(const Options& options) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  const int error = getaddrinfo(options.host.c_str(), options.port.c_str(), &hints, &found);
  if (error != 0) throw std::runtime_error(options.host + ": " + gai_strerror(error));
  sockaddr_storage address{};
  std::memcpy(&address, found->ai_addr, found->ai_addrlen);
  freeaddrinfo(found);
  return address;
}

bool is_address(const std::string& host) {
  sockaddr_in v4{};
  sockaddr_in6 v6{};
  return uv_ip4_addr(host.c_str(), 0, &v4) == 0 || uv_ip6_addr(host.c_str(), 0, &v6) == 0;
}

SSL_CTX* tls_make(const Options& options) {
  if (!options.https) return nullptr;
  SSL_CTX* context = SSL_CTX_new(TLS_client_method());
  if (options.insecure) return context;
  SSL_CTX_set_default_verify_paths(context);
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nullptr);
  X509_VERIFY_PARAM* names = SSL_CTX_get0_param(context);
  is_address(options.host) ? X509_VERIFY_PARAM_set1_ip_asc(names, options.host.c_str())
                           : X509_VERIFY_PARAM_set1_host(names, options.host.c_str(), 0);
  return context;
}

void sleep_until(std::uint64_t at_ns) {
  timespec at{};
  at.tv_sec = static_cast<time_t>(at_ns / 1'000'000'000);
  at.tv_nsec = static_cast<long>(at_ns % 1'000'000'000);
  while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, nullptr) == EINTR) {
  }
}

Result run_load(const Setup& setup) {
  const Options& options = *setup.options;
  std::vector<std::unique_ptr<Worker>> workers;
  std::vector<std::thread> threads;
  for (unsigned i = 0; i < options.threads; ++i) {
    workers.push_back(std::make_unique<Worker>(setup, i));
  }
  for (const auto& worker : workers) threads.emplace_back([&worker] { worker->run(); });

  std::uint64_t cpu_before = 0;
  std::uint64_t cpu_after = 0;
  sleep_until(setup.window_start_ns);
  if (options.cpu_of != 0) cpu_before = cpu_ns_of_tree(options.cpu_of);
  // With a number of requests the window may end before its time, so the second reading follows
  // the last answer; with a duration alone, answers after the window must not be in it.
  const bool by_time = options.requests == 0;
  if (by_time) sleep_until(setup.window_end_ns);
  if (by_time && options.cpu_of != 0) cpu_after = cpu_ns_of_tree(options.cpu_of);
  for (std::thread& thread : threads) thread.join();
  if (!by_time && options.cpu_of != 0) cpu_after = cpu_ns_of_tree(options.cpu_of);

  Result result;
  for (const auto& worker : workers) result.tally.merge(worker->tally());
  const std::uint64_t end_ns = by_time ? setup.window_end_ns : result.tally.last_end_ns;
  if (end_ns > setup.window_start_ns) {
    result.elapsed_s = static_cast<double>(end_ns - setup.window_start_ns) / 1e9;
  }
  if (options.cpu_of != 0 && result.tally.ended_in_window > 0) {
    result.cpu_s = static_cast<double>(cpu_after - std::min(cpu_before, cpu_after)) / 1e9;
    result.cpu_us_per_request =
        result.cpu_s * 1e6 / static_cast<double>(result.tally.ended_in_window);
  }
  return result;
}

Result run_idle(const Setup& setup) {
  IdleHolder holder(setup);
  holder.run();
  Result result;
  result.tally = holder.tally();
  return result;
}

int run(const Options& options) {
  const std::string request = request_make(options);
  Setup setup;
  setup.options = &options;
  setup.request = &request;
  if (options.new_shapes) setup.max_tokens_at = max_tokens_at(request);
  setup.address = resolve(options);
  const std::unique_ptr<SSL_CTX, void (*)(SSL_CTX*)> tls(tls_make(options), &SSL_CTX_free);
  setup.tls = tls.get();
  setup.server_name = is_address(options.host) ? nullptr : options.host.c_str();
  setup.window_start_ns = uv_hrtime() + static_cast<std::uint64_t>(options.warmup_s * 1e9);
  if (options.duration_s > 0) {
    setup.window_end_ns =
        setup.window_start_ns + static_cast<std::uint64_t>(options.duration_s * 1e9);
  }
  const Result result = options.idle > 0 ? run_idle(setup) : run_load(setup);
  if (!options.quiet) std::cout << report_table(options, result) << std::flush;
  if (options.json_file == "-") {
    std::cout << report_json(options, result) << std::flush;
  } else if (!options.json_file.empty()) {
    std::ofstream file(options.json_file);
    if (!(file << report_json(options, result) << std::flush)) {
      throw std::runtime_error("cannot write " + options.json_file);
    }
  }
  return result.tally.wrong > 0 && !options.allow_errors ? 1 : 0;
}

}  // namespace
}  // namespace weir::load

int main(int argc, char** argv) {
  const weir::load::Options options = weir::load::options_parse(argc, argv);
  rlimit files{};
  getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  setrlimit(RLIMIT_NOFILE, &files);
  std::signal(SIGPIPE, SIG_IGN);
  try {
    return weir::load::run(options);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "weir_load: %s\n", error.what());
    return 2;
  }
}
