// The standalone binary: command line only. Usage errors exit 2, configuration errors 1.
#include <cstdio>
#include <memory>

#include <CLI/CLI.hpp>
#include <weir/version.h>

#include "adapters/common/openai_request.h"
#include "commands.h"
#include "control/config_load.h"
#include "control/routing_build.h"
#include "embed/engine_config.h"
#include "report.h"
#include "run.h"

namespace {

constexpr char kVersion[] = "weir " WEIR_VERSION;

// Every problem of the file; also what the adapters say about it. 0 when it could be run.
int check(const std::string& file) {
  const weir::ConfigOptions options = weir::engine_config_options();
  const weir::LoadedConfig loaded = weir::config_load(file, options);
  for (const auto& problem : loaded.problems.list) {
    std::fprintf(stderr, "%s\n", weir::problem_line(loaded.file, problem).c_str());
  }
  if (!loaded.usable()) return 1;
  weir::Registry registry;
  const auto built = weir::routing_build({.config = loaded.config,
                                          .adapters = options.adapters,
                                          .default_prepare = weir::openai_prepare,
                                          .admin_key = {}},
                                         weir::RoutingObjects::of(loaded.config), &registry);
  if (!built) {
    std::fprintf(stderr, "%s: %s\n", file.c_str(), built.error().c_str());
    return 1;
  }
  std::printf("%s: ok\n", file.c_str());
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app{"Weir: one address for many language model providers", "weir"};
  app.set_version_flag("--version", kVersion);
  app.require_subcommand(1);

  weir::RunOptions run_options;
  CLI::App* run = app.add_subcommand("run", "Serve requests until SIGTERM");
  run->add_option("--config", run_options.config_file, "Configuration file (weir.yaml)");
  run->add_option("--listen", run_options.listen, "ADDRESS:PORT; replaces the file's list")
      ->take_all();
  run->add_option("--workers", run_options.workers, "Worker threads")
      ->check(CLI::Range(1, 1024));
  run->add_option("--data-dir", run_options.data_dir, "Folder for keys and state");

  std::string check_file;
  bool defaults = false;
  CLI::App* check_command = app.add_subcommand("check", "Check a configuration file");
  auto* file_option = check_command->add_option("--config", check_file, "File to check");
  auto* defaults_flag = check_command->add_flag("--defaults", defaults, "Print every default");
  file_option->excludes(defaults_flag);
  weir::cli::Commands commands(&app);

  try {
    app.parse(argc, argv);
    if (check_command->parsed() && !defaults && check_file.empty()) {
      throw CLI::RequiredError("--config or --defaults");
    }
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  if (run->parsed()) return weir::weir_run(run_options);
  if (const auto code = commands.run()) return *code;
  if (defaults) {
    std::printf("%s", weir::config_defaults_yaml().c_str());
    return 0;
  }
  return check(check_file);
}
