// How often an address may try to sign in and fail: a bucket for each address, in a table of a
// fixed size. Who signs in with a good key is not counted. Control thread.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "base/clock.h"

namespace weir {

class SignInAttempts {
 public:
  // A full table forgets the address that failed longest ago.
  static constexpr size_t kMaxAddresses = 4096;

  // `per_minute` 0: no bound.
  void configure(uint32_t per_minute) { per_minute_ = per_minute; }
  // Milliseconds until the address may try again; 0: now.
  [[nodiscard]] Millis wait_ms(std::string_view peer, Millis now) const;
  void failed(std::string_view peer, Millis now);
  [[nodiscard]] size_t size() const { return buckets_.size(); }

 private:
  struct Bucket {
    double used = 0;
    Millis at = 0;
  };
  [[nodiscard]] double used(const Bucket& bucket, Millis now) const;

  uint32_t per_minute_ = 0;
  std::map<std::string, Bucket, std::less<>> buckets_;
};

// The part of an address that one client has: all of an IPv4 one, the network (/64) of an IPv6 one.
[[nodiscard]] std::string address_group(std::string_view peer);

}  // namespace weir
