// A request whose caller the worker cannot name by itself, on its way to the control thread and
// back: a token of another issuer whose principal is in no snapshot yet, or one signed with a key
// that the issuer may have published since.
//
// When it comes back, a publication that holds what was asked for has been put into the worker's
// slot before. Without `ok`, `problem` and `message` say why not.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include <weir/types.h>

namespace weir {

struct WorkerLink;

// Allocated by the worker, passed there and back, freed by the worker.
struct SignInCall {
  enum class Want : uint8_t { kPrincipal, kKeys };

  SignInCall* next_message = nullptr;
  WorkerLink* worker = nullptr;
  void* exchange = nullptr;  // held by the worker until the answer is back
  std::string token;         // the worker's own, to look at it again
  Want want = Want::kPrincipal;
  std::string issuer, audience;
  // For kPrincipal: what the token says.
  std::array<uint8_t, 32> digest{};  // jwt_subject_digest()
  std::string subject;
  std::vector<std::string> groups;
  bool admin = false;
  int64_t expires_unix_s = 0;
  // The answer.
  bool ok = false;
  Errc problem = Errc::kUnauthorized;
  std::string message;
};

}  // namespace weir
