#include "control/config_secret.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "control/config_problem.h"
#include "control/config_reference.h"

namespace weir {

namespace {

constexpr size_t kMaxSecretFile = 64 * 1024;

std::string reason(const std::string& path, const char* what) {
  return message_quote(path) + ": " + what;
}

std::expected<ResolvedSecret, std::string> environment_resolve(std::string_view name) {
  const std::string variable(name);
  const char* value = variable.empty() ? nullptr : std::getenv(variable.c_str());
  if (value == nullptr || *value == '\0') {
    return std::unexpected("the environment variable " + message_quote(variable) +
                           (value == nullptr ? " is not set" : " is empty"));
  }
  return ResolvedSecret{Secret(value), false};
}

std::expected<ResolvedSecret, std::string> file_resolve(const std::string& path) {
  auto text = file_read(path, kMaxSecretFile);
  if (!text) return std::unexpected(text.error());
  if (text->ends_with('\n')) text->pop_back();
  if (text->ends_with('\r')) text->pop_back();
  if (text->empty()) return std::unexpected(reason(path, "the file is empty"));
  return ResolvedSecret{Secret::referred("file:" + path, std::move(*text)), false};
}

}  // namespace

std::expected<ResolvedSecret, std::string> secret_resolve(std::string_view reference,
                                                          std::string_view folder) {
  const auto parsed = reference_parse(reference);
  if (!parsed) return std::unexpected(std::string(parsed.error()));
  if (parsed->is_remote()) {
    return ResolvedSecret{Secret::referred(std::string(reference)), false};
  }
  using Kind = SecretReference::Kind;
  if (parsed->kind == Kind::kEnvironment) return environment_resolve(parsed->place);
  if (parsed->kind == Kind::kFile) return file_resolve(path_join(folder, parsed->place));
  return ResolvedSecret{Secret(std::string(reference)), true};
}

std::expected<std::string, std::string> file_read(const std::string& path, size_t max_bytes) {
  // Non-blocking, so that a FIFO in the place of a file cannot hold the program up.
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) return std::unexpected(reason(path, std::strerror(errno)));
  struct stat info {};
  std::string text;
  const char* problem = nullptr;
  if (fstat(fd, &info) != 0) {
    problem = std::strerror(errno);
  } else if (S_ISDIR(info.st_mode)) {
    problem = "is a folder";
  }
  char block[16 * 1024];
  while (problem == nullptr) {
    const ssize_t got = read(fd, block, sizeof block);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) problem = std::strerror(errno);
    if (got <= 0) break;
    text.append(block, static_cast<size_t>(got));
    if (text.size() > max_bytes) problem = "the file is too large";
  }
  close(fd);
  if (problem != nullptr) return std::unexpected(reason(path, problem));
  return text;
}

std::string path_join(std::string_view folder, std::string_view path) {
  if (folder.empty() || path.starts_with('/')) return std::string(path);
  return std::string(folder) + (folder.ends_with('/') ? "" : "/") + std::string(path);
}

}  // namespace weir
