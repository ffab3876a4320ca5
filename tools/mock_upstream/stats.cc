#include "stats.h"

#include <cstdio>
#include <utility>

#include "echo.h"
#include "json_text.h"

namespace weir::mock {
namespace {

// Paths come from clients: beyond this many different ones they are counted together.
constexpr std::size_t kMaxPaths = 256;

std::string number_member(std::string_view name, std::uint64_t value) {
  return json_quote(name) + ":" + std::to_string(value) + ",";
}

std::string milliseconds(double value) {
  char text[40];
  std::snprintf(text, sizeof text, "%.3f", value);
  return text;
}

}  // namespace

std::uint64_t Stats::on_request(Request& request, std::uint64_t connection) {
  ++requests;
  if (const auto found = paths_.find(request.path); found != paths_.end()) {
    ++found->second;
  } else {
    ++paths_[paths_.size() < kMaxPaths ? request.path : "other"];
  }
  Seen& seen = seen_[requests % kKept];
  seen.number = requests;
  seen.connection = connection;
  seen.body_bytes = request.body.size();
  seen.digest.clear();
  if (request.body.size() > kLargeBody) {
    seen.digest = sha256_hex(request.body);
    std::string().swap(request.body);
  }
  std::swap(seen.request, request);
  return requests;
}

void Stats::on_gone(Gone gone) {
  ++client_gone;
  if (gone_.size() >= kKeptGone) gone_.pop_front();
  gone_.push_back(std::move(gone));
}

void Stats::reset() {
  const std::uint64_t open_now = open;
  const std::uint64_t in_flight_now = in_flight;
  *this = Stats();
  open = open_now;
  in_flight = in_flight_now;
}

template <typename Each>
std::string Stats::list_json(Each each) const {
  std::string out = "[";
  const std::uint64_t first = requests >= kKept ? requests - kKept + 1 : 1;
  for (std::uint64_t number = first; number <= requests; ++number) {
    const Seen& seen = seen_[number % kKept];
    if (seen.number != number) continue;
    if (out.size() > 1) out += ',';
    out += each(seen);
  }
  return out + "]";
}

std::string Stats::requests_json() const {
  return list_json([](const Seen& seen) { return echo_text(seen.request); });
}

std::string Stats::stats_json() const {
  std::string out = "{";
  out += number_member("requests", requests) + number_member("accepted", accepted) +
         number_member("open", open) + number_member("in_flight", in_flight) +
         number_member("answered", answered) + number_member("broken_off", broken_off) +
         number_member("client_gone", client_gone) + number_member("cut_requests", cut_requests) +
         number_member("bad_requests", bad_requests) + number_member("tls_failures", tls_failures);
  out += "\"paths\":{";
  for (const auto& [path, count] : paths_) {
    if (out.back() != '{') out += ',';
    out += json_quote(path) + ":" + std::to_string(count);
  }
  out += "},\"last\":" + list_json([](const Seen& seen) {
           const std::string& digest =
               seen.digest.empty() ? sha256_hex(seen.request.body) : seen.digest;
           std::string item = "{";
           item += number_member("number", seen.number) +
                   number_member("connection", seen.connection) +
                   number_member("body_bytes", seen.body_bytes);
           item += "\"method\":" + json_quote(seen.request.method) +
                   ",\"path\":" + json_quote(seen.request.path);
           item += ",\"model\":" + json_quote(json_find_string(seen.request.body, "model"));
           return item + ",\"body_sha256\":\"" + digest + "\"}";
         });
  out += ",\"gone\":[";
  for (const Gone& gone : gone_) {
    if (out.back() == '}') out += ',';
    out += '{';
    out += number_member("number", gone.number) + number_member("sent_bytes", gone.sent_bytes) +
           number_member("pieces", gone.pieces) + "\"path\":" + json_quote(gone.path) +
           ",\"model\":" + json_quote(gone.model) + ",\"after_ms\":" + milliseconds(gone.after_ms) +
           ",\"how\":" + (gone.reset ? "\"reset\"" : "\"fin\"") + "}";
  }
  return out + "]}";
}

}  // namespace weir::mock
