// The control plane's part of sign-in: opening it, publishing what it changed, and its routes.
#include <ctime>

#include "control/control_plane.h"
#include "control/signin/sign_in_api.h"

namespace weir {

std::expected<void, std::string> ControlPlane::sign_in_open() {
  auto opened = SignIn::open(
      options_.database, options_.sealer, &outbound_,
      [this](const std::string& line) { report(LogLevel::kWarn, line); },
      static_cast<int64_t>(std::time(nullptr)));
  if (!opened) {
    return std::unexpected("sign-in: " + message_quote(options_.database) + ": " + opened.error());
  }
  sign_in_ = std::move(*opened);
  return {};
}

// All who asked in one round share one publication.
void ControlPlane::sign_in_check(Millis now) {
  const auto now_unix_s = static_cast<int64_t>(std::time(nullptr));
  sign_in_->take(link_, now, now_unix_s);
  sign_in_->tick(now, now_unix_s);
  if (publisher_.adopted(epoch_)) sign_in_->adopted(epoch_);
  if (!sign_in_->needs_publishing()) return;
  auto publication = route_callers();
  if (!publication) {
    routing_whole_ = true;
    report(LogLevel::kError, "sign-in: " + publication.error());
    return sign_in_->published(0, false);
  }
  publish(std::move(*publication));
}

void ControlPlane::call_sign_in(ApiCall& made, SignInForm form) {
  const SignInPlace place{*sign_in_, *publisher_.current()->snapshot, made.now,
                          static_cast<int64_t>(std::time(nullptr))};
  sign_in_answer(place, form, *made.call);
}

}  // namespace weir
