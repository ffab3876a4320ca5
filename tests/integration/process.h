// Programs, folders and ports for the integration tests.
//
// A Process is killed when its object ends, so that no test leaves one behind. What programs write
// goes to files in a TempDir. One thread uses each object.
#pragma once

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <optional>
#include <random>
#include <sstream>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "tests/shared/paths.h"

namespace weir::integration {

// Long enough for a sanitizer on a busy machine; a test that passes never waits that long.
constexpr auto kPatience = std::chrono::seconds(60);

inline std::string program_path(const std::string& name) {
  return test::program_dir() / name;
}

// Asks `done` again and again until it says yes; false when it never does.
template <typename Done>
[[nodiscard]] bool until(Done done) {
  const auto end = std::chrono::steady_clock::now() + kPatience;
  while (!done()) {
    if (std::chrono::steady_clock::now() > end) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  return true;
}

inline std::string file_read(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

inline void file_write(const std::string& path, const std::string& text) {
  std::ofstream(path, std::ios::binary | std::ios::trunc) << text;
}

class TempDir {
 public:
  TempDir() {
    char name[] = "/tmp/weir-test-XXXXXX";
    path_ = mkdtemp(name);
  }
  ~TempDir() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;
  [[nodiscard]] std::string operator/(const std::string& name) const { return path_ + "/" + name; }
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  std::string path_;
};

inline sockaddr_in loopback_address(uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

// A port that nobody listens on, below those that outgoing connections are given.
inline uint16_t port_free() {
  static std::mt19937 random(std::random_device{}());
  for (;;) {
    const auto port = static_cast<uint16_t>(20'000 + random() % 12'000);
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const sockaddr_in address = loopback_address(port);
    const bool free = bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
    close(fd);
    if (free) return port;
  }
}

class Process {
 public:
  // `output` is the start of the names of two files: OUTPUT.out and OUTPUT.err.
  Process(const std::vector<std::string>& command, const std::string& output,
          const std::vector<std::string>& more_environment = {})
      : output_(output) {
    std::vector<char*> argv, environment;
    for (const auto& word : command) argv.push_back(const_cast<char*>(word.c_str()));
    argv.push_back(nullptr);
    for (const auto& entry : more_environment) {
      environment.push_back(const_cast<char*>(entry.c_str()));
    }
    for (char** entry = environ; *entry != nullptr; ++entry) environment.push_back(*entry);
    environment.push_back(nullptr);
    posix_spawn_file_actions_t files;
    posix_spawn_file_actions_init(&files);
    constexpr int kMode = O_WRONLY | O_CREAT | O_TRUNC | O_APPEND;
    posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_addopen(&files, 1, (output + ".out").c_str(), kMode, 0600);
    posix_spawn_file_actions_addopen(&files, 2, (output + ".err").c_str(), kMode, 0600);
    if (posix_spawnp(&pid_, argv[0], &files, nullptr, argv.data(), environment.data()) != 0) {
      pid_ = -1;
      status_ = 127;
    }
    posix_spawn_file_actions_destroy(&files);
  }
  ~Process() {
    if (status_.has_value()) return;
    signal(SIGKILL);
    waitpid(pid_, nullptr, 0);
  }
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  [[nodiscard]] pid_t pid() const { return pid_; }
  [[nodiscard]] std::string out() const { return file_read(output_ + ".out"); }
  [[nodiscard]] std::string err() const { return file_read(output_ + ".err"); }
  void signal(int number) const { kill(pid_, number); }

  [[nodiscard]] bool ended() {
    if (status_.has_value()) return true;
    int raw = 0;
    if (waitpid(pid_, &raw, WNOHANG) != pid_) return false;
    status_ = WIFEXITED(raw) ? WEXITSTATUS(raw) : 128 + WTERMSIG(raw);
    return true;
  }
  // The exit code, 128 + N after signal N, or -1 when it does not end.
  [[nodiscard]] int wait() {
    return until([this] { return ended(); }) ? *status_ : -1;
  }

 private:
  std::string output_;
  pid_t pid_ = -1;
  std::optional<int> status_;
};

// Runs a program to its end.
inline int program_run(const std::vector<std::string>& command, std::string* output = nullptr) {
  const TempDir folder;
  Process process(command, folder / "run");
  const int status = process.wait();
  if (output != nullptr) *output = process.out() + process.err();
  return status;
}

}  // namespace weir::integration
