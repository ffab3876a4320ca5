#include "limit/estimate.h"

#include <algorithm>
#include <limits>

#include "base/check.h"
#include "limit/bucket.h"

namespace weir {

OutputEstimate::OutputEstimate(uint32_t cores)
    : cells_(std::make_unique<Cell[]>(cores)), cores_(cores) {
  WEIR_CHECK(cores > 0);
}

void OutputEstimate::observe(uint32_t core, int64_t tokens) {
  WEIR_DCHECK(core < cores_);
  Cell& cell = cells_[core];
  const int64_t scaled = std::clamp<int64_t>(tokens, 0, kLargest) * kScale;
  const int64_t old = std::max<int64_t>(cell.scaled_mean.load(std::memory_order_relaxed), 0);
  cell.seen = std::min(cell.seen + 1, kWeight);
  cell.scaled_mean.store(old + (scaled - old) / cell.seen, std::memory_order_relaxed);
}

int64_t OutputEstimate::mean(uint32_t core) const {
  WEIR_DCHECK(core < cores_);
  for (uint32_t i = 0; i < cores_; ++i) {
    const Cell& cell = cells_[(core + i) % cores_];
    const int64_t scaled = cell.scaled_mean.load(std::memory_order_relaxed);
    if (scaled >= 0) return (scaled + kScale / 2) / kScale;
  }
  return kFirstGuess;
}

int64_t request_reservation(const RequestSize& size, const OutputEstimate* output, uint32_t core,
                            int64_t capacity) {
  constexpr uint64_t kBytesPerToken = 4;
  constexpr int64_t kMost = std::numeric_limits<int64_t>::max();
  const auto prompt = static_cast<int64_t>((size.body_bytes + kBytesPerToken - 1) / kBytesPerToken);
  int64_t cap = size.output_cap;
  int64_t mean = 0;
  if (!size.has_output) {
    cap = 0;
  } else if (cap >= 0) {
    if (__builtin_mul_overflow(cap, int64_t{size.choices}, &cap)) cap = kMost;
  } else if (output != nullptr) {
    mean = output->mean(core) * size.choices;
  }
  return reservation_of(prompt, cap, mean, capacity);
}

int64_t reservation_of(int64_t prompt_estimate, int64_t output_cap, int64_t mean,
                       int64_t capacity) {
  constexpr int64_t kGuessPart = 8;
  const int64_t guess = std::min(mean, capacity / kGuessPart);
  const int64_t output = output_cap >= 0 ? output_cap : guess;
  const auto bounded = [](int64_t n) { return std::clamp<int64_t>(n, 0, Bucket::kMaxTake); };
  return bounded(bounded(prompt_estimate) + bounded(output));
}

}  // namespace weir
