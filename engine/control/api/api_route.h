// Every route of the API in one constant table: method, path, who may, what answers. The table is
// walked to match calls, to check access, and to describe the API.
//
// A path that begins with "/v1/" is served under "/ml/gateway/v1/" too. "{x}" stands for one
// segment, "{x*}" for one or more of them, slashes as sent. Paths are matched byte for byte,
// without decoding or folding; only what a parameter took is percent-decoded, after the match.
// Where two rows match, the earlier one counts, so plain text stands before parameters.
// The table and api_is_public(): any thread. Handlers: control thread.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "link/worker_link.h"

namespace weir {

class Catalog;
class ControlPlane;
struct SecretsConfig;

enum class ApiAccess : uint8_t {
  kPublic,    // no key is asked for; what is sent is a stranger's
  kMetrics,   // an admin's key, or the one for metrics
  kAnyKey,    // every key but the one for metrics
  kAdmin,     // an admin's key; what it sees and changes is its tenant's
  kOperator,  // an admin's key of the tenant `default`
};

enum class ApiWork : uint8_t {
  kWorker,  // served by the workers; the row is there for Allow and for the description
  kNow,     // the handler fills the answer in
  kWrite,   // the same; a good answer goes out when every worker runs the change
  kLater,   // the handler takes the call and answers it itself, now or later
};

struct ApiCall {
  ManagementCall* call;
  std::array<std::string, 2> parameters;  // in the order of the path, decoded
  Millis now = 0;      // of the workers' monotonic clock
  int64_t unix_s = 0;  // wall clock
  const SecretsConfig* secrets = nullptr;  // of the file; null: nothing is granted
};

struct ApiRoute {
  std::string_view method;  // GET stands for HEAD too
  std::string_view path;
  ApiAccess access;
  ApiWork work;
  void (*handler)(ControlPlane& plane, ApiCall& call);  // null: kWorker
  void (*resource)(Catalog& catalog, ApiCall& call);     // what it calls, where that is all it does
  // For the description. `body` and `answer` name schemas; empty: none.
  std::string_view summary;
  std::string_view body;
  std::string_view answer;
  std::string_view statuses;  // of good answers: "201", "200 201"
};

[[nodiscard]] std::span<const ApiRoute> api_routes();

struct ApiMatch {
  const ApiRoute* route = nullptr;  // null: no such path, or another method
  std::string allow;                // of the path; empty: there is no such path
  ApiAccess access = ApiAccess::kAdmin;  // of the path's first row
  std::array<std::string, 2> parameters;
};
[[nodiscard]] ApiMatch api_match(std::string_view method, std::string_view path);

// Whether the path's routes need no key. Asked by workers for paths that are not theirs.
[[nodiscard]] bool api_is_public(std::string_view path);
[[nodiscard]] bool api_may(const ManagementCall& call, ApiAccess access);

}  // namespace weir
