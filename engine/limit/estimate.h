// How many tokens a request should reserve, before anybody knows how many it will use.
//
// OutputEstimate is the running mean of what a model answered. Each core writes its own mean and
// reads its own, or while it has seen nothing, the first of another core that has. Relaxed
// throughout: it is a guess, and nothing else is read by it. Kept with the model's target, made by
// the control thread; `core` as for Bucket.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>

namespace weir {

class OutputEstimate {
 public:
  // What is told before any answer was seen.
  static constexpr int64_t kFirstGuess = 256;
  // A new answer weighs 1/kWeight, the first ones more: the plain mean.
  static constexpr int64_t kWeight = 16;
  // Larger answers count as this.
  static constexpr int64_t kLargest = int64_t{1} << 32;

  explicit OutputEstimate(uint32_t cores);

  // A finished answer of so many output tokens.
  void observe(uint32_t core, int64_t tokens);
  [[nodiscard]] int64_t mean(uint32_t core) const;

 private:
  struct alignas(64) Cell {
    std::atomic<int64_t> scaled_mean{-1};  // times kScale; -1: nothing seen
    int64_t seen = 0;                      // the core's own; at most kWeight
  };
  static constexpr int64_t kScale = 256;

  std::unique_ptr<Cell[]> cells_;
  uint32_t cores_;
};

// What is known of a request before it runs.
struct RequestSize {
  uint64_t body_bytes = 0;
  int64_t output_cap = -1;  // of one choice; -1: the request has none
  uint32_t choices = 1;
  bool has_output = true;   // embeddings have none

  // Its output must be guessed; only then does a capacity matter.
  [[nodiscard]] bool is_open() const { return has_output && output_cap < 0; }
};

// The whole estimate, in buckets of that smallest capacity: text at four bytes a token (tools and
// options count like it) and the cap, else the model's mean (`output` may be null).
[[nodiscard]] int64_t request_reservation(const RequestSize& size, const OutputEstimate* output,
                                          uint32_t core, int64_t capacity);

// What a request reserves: the prompt and the request's own cap of output; without a cap (-1) the
// model's mean, but no more than an eighth of the capacity, so that a guess alone cannot shut out
// requests that are small. Never negative, at most Bucket::kMaxTake.
[[nodiscard]] int64_t reservation_of(int64_t prompt_estimate, int64_t output_cap, int64_t mean,
                                     int64_t capacity);

}  // namespace weir
