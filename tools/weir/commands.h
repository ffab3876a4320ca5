// The sub-commands that manage a running Weir over its API: keys, providers, models, limits,
// policies, balancers, tenants, usage, targets.
//
// Each one reads its options into a struct that lives as long as the command, and acts when it was
// parsed.
#pragma once

#include <functional>
#include <optional>

#include <CLI/CLI.hpp>

#include "session.h"

namespace weir::cli {

class Commands {
 public:
  // Adds them all.
  explicit Commands(CLI::App* app);
  // The exit code when one of them was given: 0, 1 for a failed call, 2 for a wrong use.
  [[nodiscard]] std::optional<int> run();

  // For the files that add the commands.
  using Action = std::function<void(Session& session)>;
  // A verb of the noun: "create", with what it does when it is given.
  CLI::App* verb(CLI::App* noun, const char* name, const char* help, Action action);
  // A noun; its verbs are required.
  CLI::App* noun(const char* name, const char* help);

 private:
  CLI::App& app_;
  Session session_;
  Action chosen_;
};

void access_commands_add(Commands* commands);     // keys, limits, policies, tenants
void routing_commands_add(Commands* commands);    // providers, models, balancers, targets
void usage_commands_add(Commands* commands);

}  // namespace weir::cli
