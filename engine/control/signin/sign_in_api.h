// The sign-in routes: a token for an API key, in the forms that IBM's client libraries ask for
// and understand. All of them are public; failed attempts of an address are bounded.
// Control thread.
#pragma once

#include <cstdint>

#include "base/clock.h"
#include "link/worker_link.h"
#include "route/snapshot.h"

namespace weir {

class SignIn;

struct SignInPlace {
  SignIn& sign_in;
  const Snapshot& snapshot;  // the newest
  Millis now = 0;
  int64_t now_unix_s = 0;
};

enum class SignInForm : uint8_t {
  kIam,      // POST /identity/token: a form, as of IBM Cloud's IAM
  kCpd,      // POST /icp4d-api/v1/authorize: JSON with `username` and `api_key` or `password`
  kApiKeys,  // POST /api/2.0/apikeys/token: JSON with `apikey`
  kVersion,  // GET /ml/wml_services/v2/version: what client libraries ask before anything else
};

void sign_in_answer(const SignInPlace& place, SignInForm form, ManagementCall& call);

}  // namespace weir
