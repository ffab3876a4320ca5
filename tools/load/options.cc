#include "options.h"

#include <CLI/CLI.hpp>
#include <cstdio>
#include <cstdlib>
#include <stdexcept>

#include "../shared/units.h"

namespace weir::load {
namespace {

struct Texts {
  std::string duration;
  std::string warmup;
  std::string timeout = "60s";
  std::string body_bytes = "300";
  std::vector<int> expect;
};

// A bare number on the command line is seconds, as in other load generators.
double parse_seconds(const std::string& text) {
  if (text.empty()) return 0;
  const bool bare = text.find_first_not_of("0123456789.") == std::string::npos;
  return tools::parse_duration_ms(bare ? text + "s" : text) / 1000;
}

void split_url(Options& options) {
  std::string rest = options.url;
  if (rest.starts_with("https://")) {
    options.https = true;
    rest.erase(0, 8);
  } else if (rest.starts_with("http://")) {
    rest.erase(0, 7);
  } else {
    throw std::invalid_argument("the target must begin with http:// or https://");
  }
  if (const std::size_t slash = rest.find('/'); slash != std::string::npos) {
    if (slash + 1 < rest.size()) options.path = rest.substr(slash);
    rest.resize(slash);
  }
  const std::size_t colon = rest.rfind(':');
  const bool has_port = colon != std::string::npos && rest.find(']', colon) == std::string::npos;
  options.port = has_port ? rest.substr(colon + 1) : options.https ? "443" : "80";
  options.host = has_port ? rest.substr(0, colon) : rest;
  if (options.host.starts_with('[')) options.host = options.host.substr(1, options.host.size() - 2);
  if (options.host.empty()) throw std::invalid_argument("the target names no host");
}

void check(const Options& options) {
  if (options.connections == 0 || options.threads == 0) {
    throw std::invalid_argument("--connections and --threads must be at least 1");
  }
  if (options.threads > options.connections && options.idle == 0) {
    throw std::invalid_argument("more --threads than --connections");
  }
  if (options.idle == 0 && options.requests == 0 && options.duration_s <= 0) {
    throw std::invalid_argument("say how long: --requests or --duration");
  }
  if (options.abort_fraction < 0 || options.abort_fraction > 1) {
    throw std::invalid_argument("--abort-fraction is between 0 and 1");
  }
  if (options.new_shapes && (!options.body_file.empty() || options.method == "GET")) {
    throw std::invalid_argument("--new-shapes goes with the made-up body");
  }
  if (options.idle_quiet && options.idle == 0) {
    throw std::invalid_argument("--idle-quiet goes with --idle");
  }
}

void declare(CLI::App& app, Options& o, Texts& texts) {
  app.add_option("target", o.url, "http[s]://HOST:PORT[/PATH]")->required();
  app.add_option("--path", o.path, "request path")->capture_default_str();
  app.add_option("--method", o.method, "POST, or GET (sends no body)")->capture_default_str();
  app.add_option("--key", o.key, "sent as Authorization: Bearer KEY");
  app.add_option("--header", o.headers, "\"Name: value\"; may be repeated")->take_all();
  app.add_flag("--insecure", o.insecure, "https: do not verify the certificate");

  app.add_option("--body-bytes", texts.body_bytes, "size of the made-up chat body (k and m work)")
      ->capture_default_str()
      ->group("Body");
  app.add_option("--body-file", o.body_file, "send this file instead")->group("Body");
  app.add_option("--model", o.model, "model named in the body")
      ->capture_default_str()
      ->group("Body");
  app.add_flag("--model-last", o.model_last, "the model is the last member")->group("Body");
  app.add_flag("--stream", o.stream, "ask for a stream and check its events")->group("Body");
  app.add_flag("--include-usage", o.include_usage, "ask for the usage event")->group("Body");

  app.add_flag("--new-shapes", o.new_shapes,
               "another max_tokens in each body, for gateways that know a body by one before it")
      ->group("Body");

  const char* load = "Load";
  app.add_option("-c,--connections", o.connections, "connections")
      ->capture_default_str()
      ->group(load);
  app.add_option("-n,--requests", o.requests, "stop after so many requests")->group(load);
  app.add_option("-d,--duration", texts.duration, "stop after this time (bare number: s)")
      ->group(load);
  app.add_option("--warmup", texts.warmup, "time before counting begins")->group(load);
  app.add_option("--rate", o.rate_per_s,
                 "open loop: requests per second; latency counts from the due time")
      ->group(load);
  app.add_flag("--poisson", o.poisson, "open loop: random gaps between due times")->group(load);
  app.add_option("--threads", o.threads, "threads, each with a loop of its own")
      ->capture_default_str()
      ->group(load);
  app.add_option("--timeout", texts.timeout, "give a request up after this time")
      ->capture_default_str()
      ->group(load);
  app.add_option("--abort-fraction", o.abort_fraction,
                 "close this share of requests at a random byte of the answer, half with RST")
      ->group(load);
  app.add_option("--seed", o.seed, "of the random choices")->capture_default_str()->group(load);
  app.add_flag("--reconnect", o.reconnect, "a new connection for each request")->group(load);
  app.add_option("--idle", o.idle, "hold so many keep-alive connections, after one request on each")
      ->group(load);
  app.add_flag("--idle-quiet", o.idle_quiet, "with --idle: without the request")->group(load);

  const char* judge = "Judging and telling";
  app.add_option("--expect-status", texts.expect, "statuses that are right (default: any 2xx)")
      ->delimiter(',')
      ->group(judge);
  app.add_flag("--no-usage-check", o.no_usage_check, "plain answers need no \"usage\"")
      ->group(judge);
  app.add_flag("--allow-errors", o.allow_errors, "exit 0 also when answers were wrong")
      ->group(judge);
  app.add_option("--json", o.json_file, "write the result here as JSON (- is stdout)")
      ->group(judge);
  app.add_option("--cpu-of", o.cpu_of, "CPU time per request of this process and its children")
      ->group(judge);
  app.add_flag("--quiet", o.quiet, "no table")->group(judge);
}

}  // namespace

Options options_parse(int argc, char** argv) {
  Options options;
  Texts texts;
  CLI::App app(
      "Load generator for OpenAI-dialect gateways: checks every answer, counts latency "
      "without coordinated omission.\nDurations: 500ms, 10s, 2m.",
      "weir_load");
  app.option_defaults()->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
  declare(app, options, texts);
  try {
    app.parse(argc, argv);
    options.duration_s = parse_seconds(texts.duration);
    options.warmup_s = parse_seconds(texts.warmup);
    options.timeout_s = parse_seconds(texts.timeout);
    options.body_bytes = tools::parse_size(texts.body_bytes);
    options.expect_status.insert(texts.expect.begin(), texts.expect.end());
    split_url(options);
    check(options);
  } catch (const CLI::ParseError& error) {
    std::exit(app.exit(error) == 0 ? 0 : 2);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "weir_load: %s\n", error.what());
    std::exit(2);
  }
  return options;
}

}  // namespace weir::load
