// The body of a call that makes or changes a provider, and how its secrets are shown.
//
// A secret is shown as "****" and at most its last four characters. What was shown may come back in
// a body and then means the value that is there, so that the answer of a GET is a body for a PUT.
// Control thread.
#pragma once

#include <string>
#include <string_view>

#include "control/api/api_route.h"
#include "control/config_secret.h"
#include "control/store/objects.h"

namespace weir {

// Reads the body over `provider`; settings that it does not name stay as they are. False, with the
// error in the call, when something is wrong.
[[nodiscard]] bool provider_take(ApiCall& made, std::string_view type, ProviderObject* provider);

// As it is shown; a reference is no secret.
[[nodiscard]] std::string secret_shown(const Secret& secret);
// The same of a member of `data`, some of which are no secrets.
[[nodiscard]] std::string data_shown(std::string_view field, const Secret& value);
// "http://proxy:3128", or with "****@" in it when there is a password; empty: there is no proxy.
[[nodiscard]] std::string proxy_shown(const ProxyConfig& proxy);

}  // namespace weir
