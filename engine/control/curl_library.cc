#include "control/curl_library.h"

#include <dlfcn.h>

#include <optional>

namespace weir {

namespace {

class Symbols {
 public:
  explicit Symbols(void* library) : library_(library) {}
  template <typename Function>
  void find(Function* to, const char* name) {
    *to = reinterpret_cast<Function>(dlsym(library_, name));
    complete_ = complete_ && *to != nullptr;
  }
  [[nodiscard]] bool complete() const { return complete_; }

 private:
  void* library_;
  bool complete_ = true;
};

std::optional<CurlLibrary> load() {
  // The name of the interface that the header describes, which has not changed since 2006.
  void* library = dlopen("libcurl.so.4", RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) return std::nullopt;
  Symbols symbols(library);
  CurlLibrary curl{};
  decltype(&::curl_global_init) global_init = nullptr;
  symbols.find(&global_init, "curl_global_init");
  symbols.find(&curl.easy_init, "curl_easy_init");
  symbols.find(&curl.easy_reset, "curl_easy_reset");
  symbols.find(&curl.easy_cleanup, "curl_easy_cleanup");
  symbols.find(&curl.easy_setopt, "curl_easy_setopt");
  symbols.find(&curl.easy_getinfo, "curl_easy_getinfo");
  symbols.find(&curl.easy_perform, "curl_easy_perform");
  symbols.find(&curl.easy_strerror, "curl_easy_strerror");
  symbols.find(&curl.slist_append, "curl_slist_append");
  symbols.find(&curl.slist_free_all, "curl_slist_free_all");
  symbols.find(&curl.multi_init, "curl_multi_init");
  symbols.find(&curl.multi_cleanup, "curl_multi_cleanup");
  symbols.find(&curl.multi_add_handle, "curl_multi_add_handle");
  symbols.find(&curl.multi_remove_handle, "curl_multi_remove_handle");
  symbols.find(&curl.multi_perform, "curl_multi_perform");
  symbols.find(&curl.multi_poll, "curl_multi_poll");
  symbols.find(&curl.multi_info_read, "curl_multi_info_read");
  if (!symbols.complete() || global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) return std::nullopt;
  return curl;
}

}  // namespace

const CurlLibrary* curl_library() {
  static const std::optional<CurlLibrary> library = load();
  return library ? &*library : nullptr;
}

const char* curl_missing() {
  return "libcurl.so.4 cannot be loaded: install the package libcurl4 (with OpenSSL)";
}

}  // namespace weir
