#include "cpu_meter.h"

#include <charconv>
#include <filesystem>
#include <fstream>
#include <map>
#include <string>
#include <vector>

namespace weir::load {
namespace {

namespace fs = std::filesystem;

int parent_of(const fs::path& process) {
  std::ifstream file(process / "stat");
  std::string line;
  std::getline(file, line);
  // The name is in parentheses and may hold anything, also parentheses.
  const std::size_t end = line.rfind(')');
  if (end == std::string::npos || end + 4 >= line.size()) return 0;
  int parent = 0;
  std::from_chars(line.data() + end + 4, line.data() + line.size(), parent);
  return parent;
}

std::multimap<int, int> children_by_parent() {
  std::multimap<int, int> children;
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator("/proc", ignored)) {
    const std::string name = entry.path().filename();
    int pid = 0;
    const auto result = std::from_chars(name.data(), name.data() + name.size(), pid);
    if (result.ec != std::errc{}) continue;
    children.emplace(parent_of(entry.path()), pid);
  }
  return children;
}

std::uint64_t cpu_ns_of(int pid) {
  std::uint64_t total = 0;
  std::error_code ignored;
  const fs::path tasks = "/proc/" + std::to_string(pid) + "/task";
  for (auto at = fs::directory_iterator(tasks, ignored); at != fs::directory_iterator();
       at.increment(ignored)) {
    std::ifstream file(at->path() / "schedstat");
    std::uint64_t on_cpu = 0;
    if (file >> on_cpu) total += on_cpu;
  }
  return total;
}

}  // namespace

std::uint64_t cpu_ns_of_tree(int pid) {
  const auto children = children_by_parent();
  std::uint64_t total = 0;
  std::vector<int> left = {pid};
  while (!left.empty()) {
    const int at = left.back();
    left.pop_back();
    total += cpu_ns_of(at);
    const auto [first, last] = children.equal_range(at);
    for (auto child = first; child != last; ++child) left.push_back(child->second);
  }
  return total;
}

}  // namespace weir::load
