// Gives small dense numbers ("slots") to things that come and go, each with a record of its name;
// what Registry is made of.
//
// A slot is the thing's as long as anything holds it and then until reclaim() hears that everybody
// has cleared it; only then it is another's. Control thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/check.h"
#include "base/hash_index.h"

namespace weir {

template <typename Name>
class SlotTable {
 public:
  // Of the thing with that hash for whose name `same(name)` holds; held once more. A new slot's
  // name is made by the caller.
  template <typename Same>
  uint32_t hold(uint64_t hash, Same same, bool* is_new) {
    uint32_t slot = index_.find(hash, [&](uint32_t other) { return same(names[other]); });
    *is_new = slot == HashIndex::kNone;
    if (*is_new) {
      slot = take();
      uses_[slot].hash = hash;
      index_.insert(hash, slot);
    }
    ++uses_[slot].holders;
    return slot;
  }
  void hold_again(uint32_t slot) {
    WEIR_CHECK(uses_[slot].holders > 0);
    ++uses_[slot].holders;
  }
  void let_go(uint32_t slot) {
    Use& use = uses_[slot];
    WEIR_CHECK(use.holders > 0);
    if (--use.holders != 0 || use.dying) return;
    use.dying = true;
    use.clear_epoch = 0;
    dying_.push_back(slot);
  }
  // Adds the slots that nothing holds to what goes out with the publication of this epoch.
  void list(uint64_t epoch, std::vector<uint32_t>* out) {
    for (const uint32_t slot : dying_) {
      Use& use = uses_[slot];
      if (use.holders != 0) {
        use.clear_epoch = 0;  // it came back
        continue;
      }
      if (use.clear_epoch == 0) use.clear_epoch = epoch;
      out->push_back(slot);
    }
  }
  // Everybody has cleared what was listed up to this epoch. How many slots are no longer dying.
  size_t reclaim(uint64_t epoch) {
    return std::erase_if(dying_, [&](uint32_t slot) {
      Use& use = uses_[slot];
      if (use.holders != 0) {
        use.dying = false;
        return true;
      }
      if (use.clear_epoch == 0 || use.clear_epoch > epoch) return false;
      index_.erase(use.hash, slot);
      use = {};
      names[slot] = {};
      free_.push_back(slot);
      return true;
    });
  }

  std::vector<Name> names;  // by slot; empty ones are free

 private:
  struct Use {
    uint64_t hash = 0;
    uint64_t clear_epoch = 0;  // of the first publication that told workers; 0: none yet
    uint32_t holders = 0;
    bool dying = false;        // in `dying_`
  };
  uint32_t take() {
    if (free_.empty()) {
      names.emplace_back();
      uses_.emplace_back();
      return static_cast<uint32_t>(names.size() - 1);
    }
    const uint32_t slot = free_.back();
    free_.pop_back();
    return slot;
  }

  HashIndex index_;
  std::vector<Use> uses_;
  std::vector<uint32_t> dying_;  // nothing holds them, unless they came back
  std::vector<uint32_t> free_;
};

}  // namespace weir
