#include "control/signin/attempts.h"

#include <arpa/inet.h>

#include <algorithm>
#include <cmath>
#include <cstring>

namespace weir {

namespace {

constexpr double kMinuteMs = 60'000;

}  // namespace

double SignInAttempts::used(const Bucket& bucket, Millis now) const {
  const double refilled = static_cast<double>(now - bucket.at) * per_minute_ / kMinuteMs;
  return std::max(0.0, bucket.used - refilled);
}

Millis SignInAttempts::wait_ms(std::string_view peer, Millis now) const {
  if (per_minute_ == 0) return 0;
  const auto found = buckets_.find(address_group(peer));
  if (found == buckets_.end()) return 0;
  const double over = used(found->second, now) + 1 - per_minute_;
  return over <= 0 ? 0 : static_cast<Millis>(std::ceil(over * kMinuteMs / per_minute_));
}

void SignInAttempts::failed(std::string_view peer, Millis now) {
  if (per_minute_ == 0) return;
  std::string address = address_group(peer);
  if (buckets_.size() >= kMaxAddresses && !buckets_.contains(address)) {
    std::erase_if(buckets_, [&](const auto& one) { return used(one.second, now) == 0; });
    if (buckets_.size() >= kMaxAddresses) {
      buckets_.erase(std::min_element(
          buckets_.begin(), buckets_.end(),
          [](const auto& a, const auto& b) { return a.second.at < b.second.at; }));
    }
  }
  Bucket& bucket = buckets_.try_emplace(std::move(address), Bucket{0, now}).first->second;
  bucket.used = std::min(used(bucket, now) + 1, static_cast<double>(per_minute_));
  bucket.at = now;
}

std::string address_group(std::string_view peer) {
  constexpr size_t kNetworkBytes = 8;
  in6_addr address{};
  const std::string text(peer);
  if (inet_pton(AF_INET6, text.c_str(), &address) != 1) return text;
  std::memset(address.s6_addr + kNetworkBytes, 0, sizeof address.s6_addr - kNetworkBytes);
  char out[INET6_ADDRSTRLEN] = {};
  return inet_ntop(AF_INET6, &address, out, sizeof out);
}

}  // namespace weir
