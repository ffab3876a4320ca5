#include "control/publisher.h"

#include <algorithm>

#include "base/check.h"

namespace weir {

namespace {

void drop_all(const Snapshot& snapshot, Publication* publication) {
  publication->dropped.reserve(publication->dropped.size() + snapshot.routes().size() +
                               snapshot.principals().size());
  for (const auto& route : snapshot.routes()) publication->dropped.push_back({route, route->pin});
  for (const auto& principal : snapshot.principals()) {
    publication->dropped.push_back({principal, principal->pin});
  }
}

}  // namespace

void Publisher::attach(std::span<WorkerLink* const> workers) {
  workers_.insert(workers_.end(), workers.begin(), workers.end());
  if (publications_.empty()) return;
  for (WorkerLink* worker : workers) hand_over(worker);
}

void Publisher::publish(std::unique_ptr<Publication> publication) {
  if (const Publication* former = current(); former != nullptr) {
    WEIR_CHECK(publication->snapshot->epoch() > former->snapshot->epoch());
    if (!publication->keeps_former) drop_all(*former->snapshot, publication.get());
  }
  publications_.push_back(std::move(publication));
  for (WorkerLink* worker : workers_) hand_over(worker);
}

void Publisher::hand_over(WorkerLink* worker) {
  const Publication* newest = current();
  worker->pins.reserve(newest->snapshot->pin_slots());
  // An older one that the worker never took stays in publications_ until collect().
  const Publication* untaken = worker->publication.put(newest);
  WEIR_DCHECK(untaken != newest);
  static_cast<void>(untaken);
  if (worker->wake != nullptr) worker->wake(worker);
}

void Publisher::collect() {
  const uint64_t lowest = lowest_epoch();
  // First those that were seen idle before: their last ledger records have been read by now.
  std::erase_if(retired_, [this](Retired& retired) {
    if (retired.idle) return true;
    retired.idle = !pinned(retired.dropped.pin);
    return false;
  });
  for (const auto& publication : publications_) {
    if (publication->snapshot->epoch() > lowest) break;
    for (Publication::Dropped& dropped : publication->dropped) {
      retired_.push_back({std::move(dropped), false});
    }
    publication->dropped.clear();
  }
  while (publications_.size() > 1 && publications_.front()->snapshot->epoch() < lowest) {
    publications_.pop_front();
  }
}

bool Publisher::pinned(uint32_t pin) const {
  return std::any_of(workers_.begin(), workers_.end(),
                     [pin](const WorkerLink* worker) { return worker->pins.count(pin) != 0; });
}

const Publication* Publisher::current() const {
  return publications_.empty() ? nullptr : publications_.back().get();
}

uint64_t Publisher::lowest_epoch() const {
  uint64_t lowest = UINT64_MAX;
  for (const WorkerLink* worker : workers_) {
    // A worker that nobody drives uses none; when it begins, it takes the newest.
    if (!worker->running.load(std::memory_order_acquire)) continue;
    // acquire pairs with the worker's release after it swapped its snapshot: it no longer touches
    // the older one.
    lowest = std::min(lowest, worker->adopted_epoch.load(std::memory_order_acquire));
  }
  if (lowest == UINT64_MAX && current() != nullptr) return current()->snapshot->epoch();
  return lowest;
}

uint64_t Publisher::cleared_epoch() const {
  uint64_t lowest = current() != nullptr ? current()->snapshot->epoch() : 0;
  for (const WorkerLink* worker : workers_) {
    // acquire pairs with the worker's release after it cleared. 0: it has never run.
    const uint64_t adopted = worker->adopted_epoch.load(std::memory_order_acquire);
    if (adopted != 0) lowest = std::min(lowest, adopted);
  }
  return lowest;
}

}  // namespace weir
