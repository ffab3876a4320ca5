#include "control/access_log.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "control/config_problem.h"

namespace weir {

namespace {

// A descriptor of our own for the standard one. Setting O_NONBLOCK on a shared pipe would change it
// for everybody, so pipes and terminals are opened once more.
int standard_open(int standard) {
  struct stat info {};
  if (fstat(standard, &info) == 0 && (S_ISFIFO(info.st_mode) || S_ISCHR(info.st_mode))) {
    const std::string path = "/proc/self/fd/" + std::to_string(standard);
    const int fd = ::open(path.c_str(), O_WRONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
    if (fd >= 0) return fd;
  }
  return fcntl(standard, F_DUPFD_CLOEXEC, 3);
}

}  // namespace

AccessLog::~AccessLog() {
  flush();
  if (fd_ >= 0) close(fd_);
}

std::expected<void, std::string> AccessLog::open(const std::string& destination) {
  int fd = -1;
  if (destination == "stdout" || destination == "stderr") {
    fd = standard_open(destination == "stdout" ? STDOUT_FILENO : STDERR_FILENO);
  } else if (destination.starts_with("file:")) {
    fd = ::open(destination.c_str() + 5, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NONBLOCK,
                0600);
    if (fd < 0) {
      return std::unexpected("log.access: " + message_quote(destination.substr(5)) + ": " +
                             std::strerror(errno));
    }
  }
  flush();
  if (fd_ >= 0) close(fd_);
  if (destination != destination_ || inside_line_) drop_lines();
  fd_ = fd;
  destination_ = destination;
  return {};
}

std::expected<void, std::string> AccessLog::reopen() {
  if (!destination_.starts_with("file:")) return {};
  return open(destination_);
}

void AccessLog::append(const LedgerRecord& record, const RecordNames::Names& names,
                       const Registry& registry) {
  if (fd_ < 0) return;
  if (pending_.size() > kMaxPending) {
    ++dropped_;
    return;
  }
  const size_t before = pending_.size();
  const size_t room = access_line_room(record, names, registry);
  pending_.resize_and_overwrite(before + room, [&](char* text, size_t) {
    char* end = access_line(text + before, record, names, registry);
    *end++ = '\n';
    return static_cast<size_t>(end - text);
  });
  // The caches hold so much, and it need not be kept for all lines of a round.
  if (pending_.size() >= kWriteBytes && !stuck_) flush();
}

void AccessLog::flush() {
  if (fd_ < 0 || pending_.empty()) return;
  ssize_t written = 0;
  do {
    written = write(fd_, pending_.data(), pending_.size());
  } while (written < 0 && errno == EINTR);
  if (written > 0) {
    inside_line_ = pending_[static_cast<size_t>(written) - 1] != '\n';
    pending_.erase(0, static_cast<size_t>(written));
  } else if (written < 0 && errno != EAGAIN) {
    drop_lines();
  }
  stuck_ = !pending_.empty();
}

// Keeps the rest of a line that is half written, or the next line would be glued to it.
void AccessLog::drop_lines() {
  const size_t keep = inside_line_ ? std::min(pending_.find('\n') + 1, pending_.size()) : 0;
  dropped_ += static_cast<uint64_t>(std::count(pending_.begin() + static_cast<ptrdiff_t>(keep),
                                               pending_.end(), '\n'));
  pending_.resize(keep);
}

}  // namespace weir
