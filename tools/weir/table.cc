#include "table.h"

#include <algorithm>
#include <cstdio>
#include <ctime>

namespace weir::cli {

namespace {

// Characters, not bytes.
size_t width_of(const std::string& text) {
  return static_cast<size_t>(std::count_if(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xc0) != 0x80;
  }));
}

// What a terminal would act upon is not printed.
std::string printable(std::string text) {
  for (char& c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7f) c = '?';
  }
  return text;
}

bool is_time(const std::string& name) {
  return name == "created" || name.ends_with("_at") || name.ends_with("_time");
}

// Seconds since 1970 as a date; anything else as it is.
std::string value_text(const std::string& name, const JsonTree* value) {
  if (value == nullptr) return "";
  std::string text = printable(value->shown());
  if (!is_time(name) || value->kind != JsonTree::Kind::kScalar || text.empty() ||
      text.find_first_not_of("0123456789") != std::string::npos || text.size() > 11) {
    return text;
  }
  const std::time_t seconds = std::stoll(text);
  std::tm parts{};
  char out[32];
  if (seconds == 0 || gmtime_r(&seconds, &parts) == nullptr) return text;
  const size_t length = std::strftime(out, sizeof out, "%Y-%m-%dT%H:%M:%SZ", &parts);
  return {out, length};
}

void line_print(const std::vector<std::string>& cells, const std::vector<size_t>& widths) {
  std::string line;
  for (size_t i = 0; i < cells.size(); ++i) {
    line += cells[i];
    if (i + 1 < cells.size()) line.append(widths[i] - width_of(cells[i]) + 2, ' ');
  }
  while (line.ends_with(' ')) line.pop_back();
  std::printf("%s\n", line.c_str());
}

}  // namespace

void list_print(const JsonTree& answer, const std::vector<Column>& columns) {
  const JsonTree* data = answer.kind == JsonTree::Kind::kList ? &answer : answer.member("data");
  std::vector<std::vector<std::string>> lines(1);
  for (const Column& column : columns) lines[0].emplace_back(column.title);
  if (data != nullptr) {
    for (const JsonTree& item : data->items) {
      std::vector<std::string>& cells = lines.emplace_back();
      for (const Column& column : columns) {
        cells.push_back(value_text(column.member, item.member(column.member)));
      }
    }
  }
  std::vector<size_t> widths(columns.size());
  for (const auto& cells : lines) {
    for (size_t i = 0; i < cells.size(); ++i) widths[i] = std::max(widths[i], width_of(cells[i]));
  }
  for (const auto& cells : lines) line_print(cells, widths);
}

void object_print(const JsonTree& answer) {
  size_t width = 0;
  for (const auto& [name, value] : answer.members) width = std::max(width, width_of(name));
  for (const auto& [name, value] : answer.members) {
    line_print({printable(name), value_text(name, &value)}, {width, 0});
  }
}

}  // namespace weir::cli
