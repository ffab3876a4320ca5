// What is wrong with a configuration: one value per error or warning, with the place in the file.
//
// `text` and `path` never hold a secret, and every foreign byte in them went through
// message_quote(), so that one problem is one printable line. Plain data; any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace weir {

// Counted from 1; line 0: no place in a file (a default, or the command line).
struct FilePosition {
  int line = 0;
  int column = 0;
};

struct ConfigProblem {
  FilePosition at;
  std::string path;  // "providers[0].name"; empty: the whole file
  std::string text;
  bool warning = false;
  std::string field;  // the member of `path` that `text` speaks of, where `path` ends before it
};

struct ConfigProblems {
  std::vector<ConfigProblem> list;

  void error(FilePosition at, std::string path, std::string text, std::string field = {});
  void warn(FilePosition at, std::string path, std::string text);
  [[nodiscard]] bool has_errors() const;
};

// "file:line:col: path: text"; a warning says so before its path.
[[nodiscard]] std::string problem_line(std::string_view file, const ConfigProblem& problem);
// `text` in double quotes, cut, with everything that is not printable ASCII as \xNN.
[[nodiscard]] std::string message_quote(std::string_view text);
// The member of `known` that `word` was probably meant to be; empty when none is near.
[[nodiscard]] std::string_view nearest_name(std::string_view word,
                                            const std::vector<std::string_view>& known);
// `; did you mean "x"?`, or nothing.
[[nodiscard]] std::string did_you_mean(std::string_view word,
                                       const std::vector<std::string_view>& known);

}  // namespace weir
