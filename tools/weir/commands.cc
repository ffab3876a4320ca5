#include "commands.h"

#include <cstdio>
#include <utility>

namespace weir::cli {

namespace {

constexpr char kFooter[] =
    "Where weir runs is said by --url or WEIR_URL; the key by WEIR_KEY or --key-file, never on the "
    "command line.\nExit codes: 0 done, 1 refused or not reached, 2 wrong use.";

}  // namespace

Commands::Commands(CLI::App* app) : app_(*app) {
  routing_commands_add(this);
  access_commands_add(this);
  usage_commands_add(this);
}

CLI::App* Commands::noun(const char* name, const char* help) {
  CLI::App* noun = app_.add_subcommand(name, help);
  noun->require_subcommand(1);
  noun->footer(kFooter);
  return noun;
}

CLI::App* Commands::verb(CLI::App* noun, const char* name, const char* help, Action action) {
  CLI::App* verb = noun->add_subcommand(name, help);
  session_.options_add(verb);
  verb->footer(kFooter);
  verb->callback([this, action = std::move(action)] { chosen_ = action; });
  return verb;
}

std::optional<int> Commands::run() {
  if (!chosen_) return {};
  try {
    chosen_(session_);
    return std::fflush(stdout) == 0 ? 0 : 1;
  } catch (const UsageWrong& wrong) {
    std::fprintf(stderr, "weir: %s\n", wrong.line.c_str());
    return 2;
  } catch (const CallFailed& failed) {
    std::fprintf(stderr, "weir: %s\n", failed.line.c_str());
    return 1;
  }
}

}  // namespace weir::cli
