// What every sub-command that talks to a running Weir shares: where it is, the key, and how answers
// are printed. Used by main's thread alone; errors are thrown (CallFailed, UsageWrong).
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <CLI/CLI.hpp>

#include "rest_client.h"
#include "table.h"

namespace weir::cli {

// A mistake of whoever typed the command; the program ends with 2.
struct UsageWrong {
  std::string line;
};

class Session {
 public:
  // Adds --url, --key-file, --ca-file and --json to the command.
  void options_add(CLI::App* command);

  // A list as a table.
  void list(const std::string& path, const std::vector<Column>& columns);
  // Any other answer, as lines; `note` goes to stderr behind it.
  void show(const char* method, const std::string& path, const std::string& body = "",
            const char* note = "");
  // A page of usage, one line for each bucket of time and group.
  void usage(const std::string& path, const std::vector<std::string>& groups);
  // A call without an answer to show; `done` is printed instead.
  void act(const char* method, const std::string& path, const std::string& done,
           const std::string& body = "");

 private:
  RestReply call(const char* method, const std::string& path, const std::string& body);

  std::string url_, key_file_, ca_file_;
  bool json_ = false;
  std::optional<RestClient> client_;
};

// A secret as the command line may name it: "env:NAME", "file:PATH", "-" (standard input).
[[nodiscard]] std::string secret_read(const std::string& source);
// The text of "@FILE" or "-"; anything else is refused, since others could read it in the list of
// processes.
[[nodiscard]] std::string document_read(const std::string& option, const std::string& source);

}  // namespace weir::cli
