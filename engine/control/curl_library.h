// libcurl, loaded when something is first to be fetched with it.
//
// It brings two dozen libraries and 5 MB of resident memory, and only what calls out over HTTP by
// itself (providers' tokens, vaults, sign-in, the commands) needs it; most gateways never do. It is
// an ordinary dependency all the same: the packages name it, and its header gives the types.
// Any thread; loaded once and never unloaded.
#pragma once

#define CURL_DISABLE_TYPECHECK
#include <curl/curl.h>

namespace weir {

struct CurlLibrary {
  decltype(&::curl_easy_init) easy_init;
  decltype(&::curl_easy_reset) easy_reset;
  decltype(&::curl_easy_cleanup) easy_cleanup;
  decltype(&::curl_easy_setopt) easy_setopt;
  decltype(&::curl_easy_getinfo) easy_getinfo;
  decltype(&::curl_easy_perform) easy_perform;
  decltype(&::curl_easy_strerror) easy_strerror;
  decltype(&::curl_slist_append) slist_append;
  decltype(&::curl_slist_free_all) slist_free_all;
  decltype(&::curl_multi_init) multi_init;
  decltype(&::curl_multi_cleanup) multi_cleanup;
  decltype(&::curl_multi_add_handle) multi_add_handle;
  decltype(&::curl_multi_remove_handle) multi_remove_handle;
  decltype(&::curl_multi_perform) multi_perform;
  decltype(&::curl_multi_poll) multi_poll;
  decltype(&::curl_multi_info_read) multi_info_read;
};

// Null: it is not on this machine, and curl_missing() says what to do.
[[nodiscard]] const CurlLibrary* curl_library();
[[nodiscard]] const char* curl_missing();

}  // namespace weir
