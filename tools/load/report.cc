#include "report.h"

#include <array>
#include <cstdarg>
#include <cstdio>
#include <string_view>
#include <utility>

namespace weir::load {
namespace {

constexpr std::array<std::pair<const char*, double>, 6> kPercentiles = {
    {{"p50", 50}, {"p75", 75}, {"p90", 90}, {"p95", 95}, {"p99", 99}, {"p99.9", 99.9}}};

[[gnu::format(printf, 2, 3)]] void add(std::string& out, const char* format, ...) {
  char line[512];
  va_list arguments;
  va_start(arguments, format);
  std::vsnprintf(line, sizeof line, format, arguments);
  va_end(arguments);
  out += line;
}

double micros(std::uint64_t ns) {
  return static_cast<double>(ns) / 1000;
}

double rate_of(const Result& result) {
  if (result.elapsed_s <= 0) return 0;
  return static_cast<double>(result.tally.ended_in_window) / result.elapsed_s;
}

void add_histogram(std::string& out, const char* name, const Histogram& histogram) {
  if (histogram.count() == 0) return;
  add(out, "%-12s mean %10.1f", name, histogram.mean() / 1000);
  for (const auto& [label, percent] : kPercentiles) {
    add(out, "  %s %.1f", label, micros(histogram.percentile(percent)));
  }
  add(out, "  max %.1f us\n", micros(histogram.max()));
}

std::string histogram_json(const Histogram& histogram) {
  std::string out;
  add(out, "{\"count\":%llu,\"mean\":%.3f,\"min\":%.3f",
      static_cast<unsigned long long>(histogram.count()), histogram.mean() / 1000,
      micros(histogram.min()));
  for (const auto& [label, percent] : kPercentiles) {
    add(out, ",\"%s\":%.3f", label, micros(histogram.percentile(percent)));
  }
  add(out, ",\"max\":%.3f}", micros(histogram.max()));
  return out;
}

// [[percentile, us], ...], denser towards the end, for plots.
std::string curve_json(const Histogram& histogram) {
  constexpr double kPoints[] = {0,  10, 20, 30, 40, 50, 60, 70,   75,   80,   85,   90,    92.5,
                                95, 97, 98, 99, 99.5, 99.8, 99.9, 99.95, 99.99, 100};
  std::string out = "[";
  for (const double percent : kPoints) {
    if (histogram.count() == 0) break;
    add(out, "%s[%g,%.3f]", out.size() > 1 ? "," : "", percent,
        micros(percent == 0 ? histogram.min() : histogram.percentile(percent)));
  }
  return out + "]";
}

using Counter = std::pair<const char*, std::uint64_t>;

std::array<Counter, 14> counters_of(const Tally& tally) {
  return {{{"sent", tally.sent},
           {"right", tally.right},
           {"wrong", tally.wrong},
           {"aborted_fin", tally.aborted_fin},
           {"aborted_reset", tally.aborted_reset},
           {"late", tally.late},
           {"never_sent", tally.never_sent},
           {"ended_in_window", tally.ended_in_window},
           {"streams_complete", tally.streams_complete},
           {"streams_cut", tally.streams_cut},
           {"connects", tally.connects},
           {"stale_retries", tally.stale_retries},
           {"lost_idle", tally.lost_idle},
           {"bytes", tally.bytes}}};
}

}  // namespace

std::string report_table(const Options& options, const Result& result) {
  const Tally& tally = result.tally;
  std::string out;
  const auto number = [](std::uint64_t value) { return static_cast<unsigned long long>(value); };
  add(out, "%s %s  %s, %llu connections, %u threads\n", options.method.c_str(),
      options.path.c_str(),
      options.idle > 0      ? "idle"
      : options.open_loop() ? "open loop"
                            : "closed loop",
      number(options.idle > 0 ? options.idle : options.connections), options.threads);
  add(out, "%llu sent, %llu right, %llu wrong", number(tally.sent), number(tally.right),
      number(tally.wrong));
  if (options.idle == 0) add(out, " in %.3f s: %.1f per second", result.elapsed_s, rate_of(result));
  out += '\n';
  add_histogram(out, "latency", tally.latency);
  if (options.stream) {
    add_histogram(out, "first event", tally.first_event);
    add_histogram(out, "event gap", tally.gap);
    add(out, "events       %llu\n", number(tally.events));
  }
  for (const auto& [name, value] : counters_of(tally)) {
    const std::string_view counter = name;
    const bool told = counter == "sent" || counter == "right" || counter == "wrong";
    if (value > 0 && !told) add(out, "%-18s %llu\n", name, number(value));
  }
  for (const auto& [status, count] : tally.statuses) {
    add(out, "status %-11d %llu\n", status, number(count));
  }
  for (std::size_t i = 1; i < tally.wrongs.size(); ++i) {
    if (tally.wrongs[i] == 0) continue;
    add(out, "wrong: %-11s %llu\n", kWrongNames[i].data(), number(tally.wrongs[i]));
  }
  if (result.cpu_us_per_request >= 0) {
    add(out, "cpu of %d: %.3f s, %.3f us per request\n", options.cpu_of, result.cpu_s,
        result.cpu_us_per_request);
  }
  return out;
}

std::string report_json(const Options& options, const Result& result) {
  const Tally& tally = result.tally;
  std::string out = "{\n";
  for (const auto& [name, value] : counters_of(tally)) {
    add(out, "  \"%s\": %llu,\n", name, static_cast<unsigned long long>(value));
  }
  add(out, "  \"events\": %llu,\n", static_cast<unsigned long long>(tally.events));
  add(out, "  \"elapsed_s\": %.6f,\n  \"rate_per_s\": %.3f,\n  \"connections\": %u,\n",
      result.elapsed_s, rate_of(result), options.connections);
  out += "  \"statuses\": {";
  for (const auto& [status, count] : tally.statuses) {
    add(out, "%s\"%d\": %llu", out.back() == '{' ? "" : ", ", status,
        static_cast<unsigned long long>(count));
  }
  out += "},\n  \"errors\": {";
  for (std::size_t i = 1; i < tally.wrongs.size(); ++i) {
    if (tally.wrongs[i] == 0) continue;
    add(out, "%s\"%s\": %llu", out.back() == '{' ? "" : ", ", kWrongNames[i].data(),
        static_cast<unsigned long long>(tally.wrongs[i]));
  }
  out += "},\n  \"latency_us\": " + histogram_json(tally.latency);
  out += ",\n  \"curve_us\": " + curve_json(tally.latency);
  out += ",\n  \"first_event_us\": " + histogram_json(tally.first_event);
  out += ",\n  \"event_gap_us\": " + histogram_json(tally.gap);
  if (result.cpu_us_per_request >= 0) {
    add(out, ",\n  \"cpu_s\": %.6f,\n  \"cpu_us_per_request\": %.4f", result.cpu_s,
        result.cpu_us_per_request);
  }
  return out + "\n}\n";
}

}  // namespace weir::load
