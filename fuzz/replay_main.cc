// Runs a fuzz target over stored inputs: each file, and each file of each folder, on the command
// line. It takes the place of libFuzzer's own main in builds without it, so a corpus is also a
// test.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

namespace {

namespace fs = std::filesystem;

void files_collect(const fs::path& path, std::vector<fs::path>* out) {
  if (!fs::is_directory(path)) {
    out->push_back(path);
    return;
  }
  for (const auto& entry : fs::recursive_directory_iterator(path)) {
    if (entry.is_regular_file()) out->push_back(entry.path());
  }
}

bool file_replay(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) {
    std::fprintf(stderr, "cannot read %s\n", path.c_str());
    return false;
  }
  const std::string bytes{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  // An exact-size copy, so that a read past the end is seen by the address sanitizer.
  const std::vector<uint8_t> input(bytes.begin(), bytes.end());
  std::fprintf(stderr, "replay %s (%zu bytes)\n", path.c_str(), input.size());
  LLVMFuzzerTestOneInput(input.data(), input.size());
  return true;
}

}  // namespace

int main(int argc, char** argv) {
  std::vector<fs::path> files;
  for (int i = 1; i < argc; ++i) files_collect(argv[i], &files);
  if (files.empty()) {
    std::fprintf(stderr, "usage: %s FILE|FOLDER...  (found no input)\n", argv[0]);
    return 1;
  }
  std::sort(files.begin(), files.end());
  const bool all_read = std::all_of(files.begin(), files.end(), file_replay);
  return all_read ? 0 : 1;
}
