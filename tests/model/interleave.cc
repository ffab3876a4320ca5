#include "tests/model/interleave.h"

#include <algorithm>

namespace weir::model {

bool Explorer::explore(const std::function<Run()>& make, size_t most) {
  current_ = this;
  bool fine = true, again = false;
  do {
    shared_.clear();
    Run run = make();
    start(run);
    fine = play(run) && seen_.size() <= most;
    ++runs_;
    if (stale_) {
      stale_ = false;
      path_.clear();
      seen_.clear();
      runs_ = 0;
      again = true;
      continue;
    }
    again = false;
    while (!path_.empty() && ++path_.back().next == path_.back().choices.size()) path_.pop_back();
  } while (fine && (again || !path_.empty()));
  current_ = nullptr;
  return fine;
}

void Explorer::start(Run& run) {
  fibers_.resize(run.threads.size());
  for (Fiber& fiber : fibers_) fiber.done = fiber.waiting = false;
  for (size_t i = 0; i < fibers_.size(); ++i) {
    Fiber& fiber = fibers_[i];
    if (fiber.stack == nullptr) fiber.stack = std::make_unique<char[]>(kStackBytes);
    fiber.body = run.threads[i];
    fiber.history = fiber.ends = 0;
    fiber.stores.clear();
    getcontext(&fiber.context);
    fiber.context.uc_stack.ss_sp = fiber.stack.get();
    fiber.context.uc_stack.ss_size = kStackBytes;
    fiber.context.uc_link = &main_;
    makecontext(&fiber.context, &Explorer::enter, 0);
  }
  starting_ = true;
  for (size_t i = 0; i < fibers_.size(); ++i) resume(i);  // to its first step
  starting_ = false;
}

void Explorer::enter() {
  Explorer* self = current_;
  Fiber& fiber = self->fibers_[self->running_];
  fiber.body();
  fiber.done = true;
  self->wrote();
}

void Explorer::resume(size_t index) {
  if (index >= fibers_.size()) return publish_one(fibers_[index - fibers_.size()]);
  running_ = index;
  swapcontext(&main_, &fibers_[index].context);
  running_ = kNone;
}

// One run: along path_ as far as it goes, then by first choices, which are added to the path until
// a state was seen before. Every run is played to its end, so that no fiber is left on its way.
bool Explorer::play(Run& run) {
  bool fresh = true;
  for (size_t depth = 0;; ++depth) {
    const std::vector<size_t> choices = ready();
    if (choices.empty()) break;
    if (choices.size() == 1) {
      --depth;  // no choice: not a node of the path
      resume(choices.front());
      continue;
    }
    size_t choice = choices.front();
    if (depth < path_.size()) {
      choice = path_[depth].choices[path_[depth].next];
    } else if (fresh && (fresh = seen_.insert(state(run)).second)) {
      path_.push_back({choices, 0});
    }
    resume(choice);
  }
  for (const Fiber& fiber : fibers_) {
    if (!fiber.done) return false;
  }
  run.check();
  return true;
}

std::vector<size_t> Explorer::ready() const {
  std::vector<size_t> found;
  for (size_t i = 0; i < fibers_.size(); ++i) {
    if (!fibers_[i].done && !fibers_[i].waiting) found.push_back(i);
  }
  for (size_t i = 0; i < fibers_.size(); ++i) {
    if (!fibers_[i].stores.empty()) found.push_back(fibers_.size() + i);
  }
  return found;
}

uint64_t Explorer::state(const Run& run) const {
  uint64_t hash = run.note();
  for (const uint64_t* value : shared_) hash = mixed(hash, *value);
  for (const Fiber& fiber : fibers_) {
    hash = mixed(hash, fiber.history);
    hash = mixed(hash, (fiber.done ? 1u : 0u) + (fiber.waiting ? 2u : 0u));
    for (const Store& store : fiber.stores) {
      const auto at = std::find(shared_.begin(), shared_.end(), store.to) - shared_.begin();
      hash = mixed(mixed(hash, static_cast<uint64_t>(at)), store.value);
    }
  }
  return hash;
}

void Explorer::step() {
  if (running_ == kNone) return;
  Fiber& fiber = fibers_[running_];
  const bool alone = !starting_ && !fiber.waiting && ready().size() == 1;
  if (!alone) swapcontext(&fiber.context, &main_);
  if (fiber.with_step) std::exchange(fiber.with_step, nullptr)();
}

void Explorer::read(uint64_t value) {
  if (running_ == kNone) return;
  Fiber& fiber = fibers_[running_];
  fiber.history = mixed(fiber.history + 1, value);
}

bool Explorer::delay_store(uint64_t* to, uint64_t value) {
  if (!buffered_ || running_ == kNone) return false;
  fibers_[running_].stores.push_back({to, value});
  return true;
}

const uint64_t* Explorer::own_store(const uint64_t* at) const {
  if (running_ == kNone) return nullptr;
  const std::vector<Store>& stores = fibers_[running_].stores;
  for (auto store = stores.rbegin(); store != stores.rend(); ++store) {
    if (store->to == at) return &store->value;
  }
  return nullptr;
}

void Explorer::publish_one(Fiber& fiber) {
  const Store store = fiber.stores.front();
  fiber.stores.erase(fiber.stores.begin());
  if (*store.to == store.value) return;
  *store.to = store.value;
  for (Fiber& other : fibers_) {
    if (&other != &fiber) other.waiting = false;
  }
}

void Explorer::forget(uint64_t result) {
  Fiber& fiber = fibers_[running_];
  fiber.ends = mixed(fiber.ends + 1, result);
  fiber.history = fiber.ends;
}

void Explorer::wrote() {
  for (size_t i = 0; i < fibers_.size(); ++i) {
    if (i != running_) fibers_[i].waiting = false;
  }
}

void Explorer::wait() {
  if (running_ != kNone) fibers_[running_].waiting = true;
}

}  // namespace weir::model
