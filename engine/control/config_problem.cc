#include "control/config_problem.h"

#include <algorithm>

namespace weir {

namespace {

// How many single-letter changes lead from one word to the other (two rows of the usual table).
size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<size_t> above(b.size() + 1), row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) above[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t change = above[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
      row[j] = std::min({above[j] + 1, row[j - 1] + 1, change});
    }
    std::swap(above, row);
  }
  return above[b.size()];
}

}  // namespace

void ConfigProblems::error(FilePosition at, std::string path, std::string text,
                           std::string field) {
  list.push_back({at, std::move(path), std::move(text), false, std::move(field)});
}

void ConfigProblems::warn(FilePosition at, std::string path, std::string text) {
  list.push_back({at, std::move(path), std::move(text), true, {}});
}

bool ConfigProblems::has_errors() const {
  return std::any_of(list.begin(), list.end(), [](const auto& p) { return !p.warning; });
}

std::string problem_line(std::string_view file, const ConfigProblem& problem) {
  std::string line(file);
  if (problem.at.line > 0) {
    line += ":" + std::to_string(problem.at.line) + ":" + std::to_string(problem.at.column);
  }
  if (!line.empty()) line += ": ";
  if (problem.warning) line += "warning: ";
  if (!problem.path.empty()) line += problem.path + ": ";
  return line + problem.text;
}

std::string message_quote(std::string_view text) {
  constexpr size_t kMaxBytes = 64;
  static constexpr char kHex[] = "0123456789abcdef";
  std::string out = "\"";
  for (const char c : text.substr(0, kMaxBytes)) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte == '"' || byte == '\\') {
      out += {'\\', c};
    } else if (byte >= 0x20 && byte < 0x7f) {
      out += c;
    } else {
      out += {'\\', 'x', kHex[byte >> 4], kHex[byte & 15]};
    }
  }
  if (text.size() > kMaxBytes) out += "...";
  return out + '"';
}

std::string_view nearest_name(std::string_view word, const std::vector<std::string_view>& known) {
  constexpr size_t kMaxWord = 128;
  if (word.size() > kMaxWord) return {};
  // One slip in short words, more in long ones.
  size_t best = word.size() <= 3 ? 2 : std::min<size_t>(4, 1 + (word.size() + 2) / 3);
  std::string_view found;
  for (const std::string_view name : known) {
    if (name.size() > kMaxWord) continue;
    const size_t distance = edit_distance(word, name);
    if (distance < best) {
      best = distance;
      found = name;
    }
  }
  return found;
}

std::string did_you_mean(std::string_view word, const std::vector<std::string_view>& known) {
  const std::string_view name = nearest_name(word, known);
  return name.empty() ? std::string() : "; did you mean " + message_quote(name) + "?";
}

}  // namespace weir
