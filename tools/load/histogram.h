// A latency histogram with buckets of constant relative width: 64 per power of two, so a percentile
// is wrong by at most 1.6%. Values are nanoseconds. Histograms of threads are merged at the end.
// Thread: one writer; no locks.
#pragma once

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <vector>

namespace weir::load {

class Histogram {
 public:
  void record(std::uint64_t value_ns) {
    if (buckets_.empty()) buckets_.resize(kBuckets);
    ++buckets_[index_of(value_ns)];
    ++count_;
    sum_ += static_cast<double>(value_ns);
    min_ = std::min(min_, value_ns);
    max_ = std::max(max_, value_ns);
  }

  void merge(const Histogram& other) {
    if (other.count_ == 0) return;
    if (buckets_.empty()) buckets_.resize(kBuckets);
    for (std::size_t i = 0; i < kBuckets; ++i) buckets_[i] += other.buckets_[i];
    count_ += other.count_;
    sum_ += other.sum_;
    min_ = std::min(min_, other.min_);
    max_ = std::max(max_, other.max_);
  }

  std::uint64_t count() const { return count_; }
  std::uint64_t min() const { return count_ == 0 ? 0 : min_; }
  std::uint64_t max() const { return max_; }
  double mean() const { return count_ == 0 ? 0 : sum_ / static_cast<double>(count_); }

  // The upper edge of the bucket in which `percent` of all values are reached, within min and max.
  std::uint64_t percentile(double percent) const {
    if (count_ == 0) return 0;
    const double exact = std::ceil(percent / 100 * static_cast<double>(count_));
    const auto wanted = std::max<std::uint64_t>(1, static_cast<std::uint64_t>(exact));
    std::uint64_t seen = 0;
    for (std::size_t i = 0; i < kBuckets; ++i) {
      seen += buckets_[i];
      if (seen >= wanted) return std::clamp(upper_edge(i), min_, max_);
    }
    return max_;
  }

 private:
  static constexpr int kSubBits = 6;
  static constexpr std::uint64_t kSub = 1U << kSubBits;
  static constexpr std::size_t kBuckets = (64 - kSubBits + 1) * kSub;

  // Values below 2 * kSub have a bucket each; above, the top kSubBits + 1 bits choose.
  static std::size_t index_of(std::uint64_t value) {
    if (value < kSub) return static_cast<std::size_t>(value);
    const int shift = static_cast<int>(std::bit_width(value)) - 1 - kSubBits;
    return static_cast<std::size_t>((static_cast<std::uint64_t>(shift) + 1) * kSub +
                                    (value >> shift) - kSub);
  }
  static std::uint64_t upper_edge(std::size_t index) {
    if (index < kSub) return index;
    const std::uint64_t shift = index / kSub - 1;
    return ((index % kSub + kSub + 1) << shift) - 1;
  }

  std::vector<std::uint64_t> buckets_;
  std::uint64_t count_ = 0;
  double sum_ = 0;
  std::uint64_t min_ = UINT64_MAX;
  std::uint64_t max_ = 0;
};

}  // namespace weir::load
