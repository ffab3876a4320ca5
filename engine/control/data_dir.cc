#include "control/data_dir.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>

#include "control/config_problem.h"
#include "control/digest.h"

namespace weir {

namespace {

std::unexpected<std::string> problem(const std::string& path, const char* what) {
  return std::unexpected("data_dir: " + message_quote(path) + ": " + what);
}

// Like mkdir -p; only the last folder must be new or ours.
bool folders_make(const std::string& path) {
  for (size_t at = path.find('/', 1); at != std::string::npos; at = path.find('/', at + 1)) {
    if (mkdir(path.substr(0, at).c_str(), 0700) != 0 && errno != EEXIST) return false;
  }
  return mkdir(path.c_str(), 0700) == 0 || errno == EEXIST;
}

}  // namespace

DataDir::~DataDir() {
  if (lock_ >= 0) close(lock_);
}

std::expected<DataDir, std::string> DataDir::open(const std::string& path) {
  if (path.empty()) return problem(path, "needs a path");
  struct stat info {};
  if (!folders_make(path)) return problem(path, std::strerror(errno));
  if (stat(path.c_str(), &info) != 0) return problem(path, std::strerror(errno));
  if (!S_ISDIR(info.st_mode)) return problem(path, "is not a folder");
  if (info.st_uid == geteuid() && (info.st_mode & 077) != 0) chmod(path.c_str(), 0700);
  DataDir data;
  data.path_ = path;
  const std::string lock = path + "/lock";
  data.lock_ = ::open(lock.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (data.lock_ < 0) return problem(lock, std::strerror(errno));
  if (flock(data.lock_, LOCK_EX | LOCK_NB) != 0) {
    return problem(path, "is in use by another weir process");
  }
  return data;
}

std::expected<AdminKey, std::string> admin_key_find(const Secret& configured,
                                                    const DataDir& data) {
  if (!configured.empty()) return AdminKey{configured, false, ""};
  if (const char* value = std::getenv("WEIR_ADMIN_KEY"); value != nullptr && *value != '\0') {
    return AdminKey{Secret(value), false, ""};
  }
  const std::string file = data.path() + "/admin.key";
  if (access(file.c_str(), F_OK) == 0) {
    auto found = secret_resolve("file:" + file, "");
    if (!found) return std::unexpected("admin key: " + found.error());
    return AdminKey{std::move(found->value), false, file};
  }
  const std::string key = "weir-" + random_hex(24);
  if (!secret_file_write(file, key + "\n")) return problem(file, std::strerror(errno));
  return AdminKey{Secret(key), true, file};
}

// Written beside, synced, then given its name.
bool secret_file_write(const std::string& path, const std::string& text) {
  const std::string beside = path + ".new";
  const int fd = open(beside.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (fd < 0) return false;
  const bool written = fchmod(fd, 0600) == 0 &&
                       write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size()) &&
                       fsync(fd) == 0;
  close(fd);
  if (!written || rename(beside.c_str(), path.c_str()) != 0) return false;
  // The name too must be on the disk before anything that depends on the file is.
  const int folder = open(path.substr(0, path.rfind('/') + 1).c_str(), O_RDONLY | O_CLOEXEC);
  const bool synced = folder >= 0 && fsync(folder) == 0;
  if (folder >= 0) close(folder);
  return synced;
}

void process_protect() {
  const rlimit none{0, 0};
  setrlimit(RLIMIT_CORE, &none);
  prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
  std::signal(SIGPIPE, SIG_IGN);
}

}  // namespace weir
