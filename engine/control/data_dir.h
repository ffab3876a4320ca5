// The data folder: made with mode 0700, locked against a second process, and the first admin key.
// Called by main before any thread runs. Error texts are one line and hold no key.
#pragma once

#include <expected>
#include <string>

#include "control/config_secret.h"

namespace weir {

class DataDir {
 public:
  DataDir() = default;
  ~DataDir();
  DataDir(DataDir&& other) noexcept : path_(std::move(other.path_)), lock_(other.lock_) {
    other.lock_ = -1;
  }
  DataDir& operator=(DataDir&&) = delete;

  [[nodiscard]] static std::expected<DataDir, std::string> open(const std::string& path);
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  std::string path_;
  int lock_ = -1;
};

struct AdminKey {
  Secret value;
  bool made = false;  // just now, into `file`
  std::string file;   // empty: it came from the environment or the configuration
};

// The key of the configuration, else WEIR_ADMIN_KEY, else the file admin.key in the data folder,
// which is made with a new key when it is not there.
[[nodiscard]] std::expected<AdminKey, std::string> admin_key_find(const Secret& configured,
                                                                  const DataDir& data);

// Complete or absent after a crash, mode 0600; errno says why not.
[[nodiscard]] bool secret_file_write(const std::string& path, const std::string& text);

// No core dumps, no reading of this process's memory by others of the same user, no SIGPIPE.
void process_protect();

}  // namespace weir
