// Where a caller's model names led lately, and what of that the caller may use, so that a request
// looks neither up: most ask for what the one before asked for.
//
// Each worker has one, of a few places, each of which the newest answer takes. An answer holds
// while the worker runs the snapshot it was found in. Until then its route lives, and no other
// principal can lie at the address of the one that asked: a new one comes with a newer snapshot.
// Worker thread.
#pragma once

#include <array>
#include <cstdint>
#include <cstring>
#include <string_view>

#include "route/access.h"
#include "route/route.h"

namespace weir {

class RouteMemo {
 public:
  struct Answer {
    const Route* route = nullptr;
    Permit permit;
  };

  // Null: not known.
  [[nodiscard]] const Answer* find(uint64_t epoch, const Principal* who,
                                   std::string_view name) const {
    const Entry& entry = entries_[place(who, name)];
    const bool known =
        entry.epoch == epoch && entry.who == who && entry.answer.route->name == name;
    return known ? &entry.answer : nullptr;
  }
  // Only of a route that goes by the name that was asked for.
  void keep(uint64_t epoch, const Principal* who, const Answer& answer) {
    entries_[place(who, answer.route->name)] = {epoch, who, answer};
  }

 private:
  static constexpr size_t kPlaces = 64;
  struct Entry {
    uint64_t epoch = 0;  // no snapshot has this one
    const Principal* who = nullptr;
    Answer answer;
  };
  // Names differ most at their ends. A bad spread costs a look-up, nothing else.
  static size_t place(const Principal* who, std::string_view name) {
    uint64_t mixed = reinterpret_cast<uintptr_t>(who) + name.size();
    if (name.size() >= sizeof mixed) {
      uint64_t end = 0;
      std::memcpy(&end, name.data() + name.size() - sizeof end, sizeof end);
      mixed += end;
    } else if (!name.empty()) {
      mixed += static_cast<uint64_t>(static_cast<uint8_t>(name.front())) << 8 |
               static_cast<uint8_t>(name.back());
    }
    return mixed * 0x9fb21c651e98df25ull >> 58;
  }

  std::array<Entry, kPlaces> entries_{};
};

}  // namespace weir
