// The command line of weir_load as plain fields. options_parse fills them or exits with a message
// (0 for --help, 2 for a mistake). Read-only while the load runs, so all threads share one.
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <vector>

namespace weir::load {

struct Options {
  // Target.
  std::string url;
  std::string host;
  std::string port;
  bool https = false;
  bool insecure = false;
  std::string path = "/v1/chat/completions";
  std::string method = "POST";
  std::string key;
  std::vector<std::string> headers;

  // Body.
  std::uint64_t body_bytes = 300;
  std::string body_file;
  std::string model = "mock-small";
  bool model_last = false;
  bool stream = false;
  bool include_usage = false;
  bool new_shapes = false;

  // Load.
  unsigned connections = 1;
  unsigned threads = 1;
  std::uint64_t requests = 0;
  double duration_s = 0;
  double warmup_s = 0;
  double rate_per_s = 0;
  bool poisson = false;
  double timeout_s = 60;
  double abort_fraction = 0;
  std::uint64_t seed = 1;
  bool reconnect = false;

  // Idle connections.
  std::uint64_t idle = 0;
  bool idle_quiet = false;

  // Judging and telling.
  std::set<int> expect_status;
  bool no_usage_check = false;
  bool allow_errors = false;
  std::string json_file;
  int cpu_of = 0;
  bool quiet = false;

  bool open_loop() const { return rate_per_s > 0; }
};

Options options_parse(int argc, char** argv);

}  // namespace weir::load
