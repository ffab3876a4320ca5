// How the reading of secrets goes, for the metrics: by kind of reference, and nothing of what a
// reference says. Plain values of the control thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "control/config_reference.h"

namespace weir {

struct SecretCounters {
  static constexpr std::array<std::string_view, 4> kKinds = {"env", "file", "vault",
                                                             "secrets_manager"};
  // By kKinds. A text that is the value itself is read nowhere.
  static constexpr size_t index_of(SecretReference::Kind kind) {
    return static_cast<size_t>(kind) - 1;
  }
  std::array<uint64_t, kKinds.size()> failing{};   // places whose last try failed
  std::array<uint64_t, kKinds.size()> failures{};  // tries
};

static_assert(SecretCounters::index_of(SecretReference::Kind::kEnvironment) == 0);
static_assert(SecretCounters::index_of(SecretReference::Kind::kSecretsManager) ==
              SecretCounters::kKinds.size() - 1);

}  // namespace weir
