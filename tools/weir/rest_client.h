// Calls of a running Weir's API over HTTP, by libcurl. One thread; main's.
#pragma once

#include <string>
#include <string_view>

namespace weir::cli {

struct Connection {
  std::string url = "http://127.0.0.1:8080";
  std::string key;
  std::string ca_file;  // added to the system's certificates; empty: none
};

struct RestReply {
  long status = 0;
  std::string body;
};

// What went wrong, as one line for the operator; the program ends with 1.
struct CallFailed {
  std::string line;
  long status = 0;  // of the server's answer; 0: there was none
};

class RestClient {
 public:
  explicit RestClient(Connection connection);
  ~RestClient();
  RestClient(const RestClient&) = delete;
  RestClient& operator=(const RestClient&) = delete;

  // `path` is encoded already. Throws CallFailed for everything but a 2xx.
  RestReply call(const char* method, const std::string& path, const std::string& body = "");

 private:
  Connection connection_;
  void* easy_ = nullptr;
};

// One segment of a path.
[[nodiscard]] std::string segment(std::string_view text);

}  // namespace weir::cli
