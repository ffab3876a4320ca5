// Hands publications to the workers and frees what they no longer use.
//
// Control thread; attach() and the first publish() may happen before it runs. Invariants:
// 1. A publication lives until every worker has adopted a newer one.
// 2. A record that a publication dropped lives until all workers run that publication and no worker
//    pins it, and one collect() longer: in between the ledger rings are drained, so a line about
//    the last request still finds the key's name.
#pragma once

#include <deque>
#include <memory>
#include <span>
#include <vector>

#include "link/worker_link.h"

namespace weir {

class Publisher {
 public:
  Publisher() = default;
  Publisher(const Publisher&) = delete;
  Publisher& operator=(const Publisher&) = delete;

  void attach(std::span<WorkerLink* const> workers);
  void publish(std::unique_ptr<Publication> publication);
  // Whether all workers run this epoch or a newer one.
  [[nodiscard]] bool adopted(uint64_t epoch) const { return lowest_epoch() >= epoch; }
  // After each drain of the ledger rings.
  void collect();
  // The epoch whose slots to clear have been cleared by every worker that may have counts in them,
  // also by one whose loop rests.
  [[nodiscard]] uint64_t cleared_epoch() const;
  // Null before the first publish().
  [[nodiscard]] const Publication* current() const;
  [[nodiscard]] const std::vector<WorkerLink*>& workers() const { return workers_; }
  [[nodiscard]] size_t retired_count() const { return retired_.size(); }
  [[nodiscard]] size_t publication_count() const { return publications_.size(); }

 private:
  struct Retired {
    Publication::Dropped dropped;
    bool idle = false;  // seen without pins in the collect() before
  };
  [[nodiscard]] uint64_t lowest_epoch() const;
  [[nodiscard]] bool pinned(uint32_t pin) const;
  void hand_over(WorkerLink* worker);

  std::vector<WorkerLink*> workers_;
  std::deque<std::unique_ptr<Publication>> publications_;  // oldest first
  std::vector<Retired> retired_;
};

}  // namespace weir
