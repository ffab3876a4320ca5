// usage: requests, tokens and cost, by time and by what is asked for.
#include <chrono>
#include <memory>

#include "commands.h"
#include "control/config_units.h"

namespace weir::cli {

namespace {

struct UsageOptions {
  std::string since = "24h", width = "1h", page;
  std::vector<std::string> by;
  uint32_t limit = 100;
  bool own = false;
};

std::string usage_path(const UsageOptions& options) {
  const auto since = duration_parse_ns(options.since);
  if (!since) throw UsageWrong{"--since takes a duration such as 30m, 24h or 7d"};
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  const int64_t start_s =
      std::chrono::duration_cast<std::chrono::seconds>(now).count() - *since / 1'000'000'000;
  std::string path = options.own ? "/v1/usage/user" : "/v1/usage";
  path += "?start_time=" + std::to_string(start_s) + "&bucket_width=" + segment(options.width) +
          "&limit=" + std::to_string(options.limit);
  for (const std::string& group : options.by) path += "&group_by=" + segment(group);
  if (!options.page.empty()) path += "&page=" + segment(options.page);
  return path;
}

}  // namespace

void usage_commands_add(Commands* commands) {
  CLI::App* noun = commands->noun("usage", "Requests, tokens and cost");
  for (const bool own : {false, true}) {
    auto options = std::make_shared<UsageOptions>();
    options->own = own;
    CLI::App* verb = commands->verb(
        noun, own ? "own" : "show", own ? "What this key used" : "What the tenant used",
        [options](Session& session) { session.usage(usage_path(*options), options->by); });
    verb->add_option("--since", options->since, "How far back (default 24h)");
    verb->add_option("--width", options->width, "1m, 1h (default) or 1d for each line");
    verb->add_option("--by", options->by,
                     "model, provider, alias, key and others: one line for each; more than once")
        ->delimiter(',');
    verb->add_option("--limit", options->limit, "Buckets of time (default and most: 100)")
        ->check(CLI::Range(1, 100));
    verb->add_option("--page", options->page, "The next page, as the last answer names it");
  }
}

}  // namespace weir::cli
