#include "proxy/stages.h"

#include <algorithm>
#include <cstring>

#include "base/decimal.h"

namespace weir {

namespace {

constexpr std::string_view kField = "server-timing: receive;dur=";
// Copied at their longest, so that a name is two stores; behind a short one its number overwrites
// the rest.
constexpr size_t kNameBytes = 16;
struct Name {
  char text[kNameBytes + 1];
  uint8_t size;
};
constexpr Name kNames[kStages - 1] = {
    {", parse;dur=", 12},   {", decide;dur=", 13},    {", pool;dur=", 11}, {", connect;dur=", 14},
    {", upstream;dur=", 15}, {", translate;dur=", 16}, {", relay;dur=", 12}};

char* millis_write(char* to, Nanos ns) {
  const auto us = static_cast<uint32_t>(std::min<Nanos>(ns / 1000, UINT32_MAX));
  if (us < 10'000) {
    const uint32_t ms = us / 1000;
    to[0] = static_cast<char>('0' + ms);
    to[1] = '.';
    return write_three_digits(to + 2, us - ms * 1000);
  }
  to = write_number(to, us / 1000);
  *to++ = '.';
  return write_three_digits(to, us % 1000);
}

}  // namespace

StageTimes stage_times(const Moments& at, Nanos end) {
  const Nanos received = at.received != 0 ? at.received : end;
  const Nanos parsed = at.parsed != 0 ? at.parsed : received;
  const Nanos first = std::min(at.first_byte, end);
  StageTimes times{};
  Nanos known = 0;
  const auto put = [&](Stage stage, Nanos ns) {
    times[static_cast<size_t>(stage)] = ns;
    known += ns;
  };
  put(Stage::kReceive, received - std::min(first, received));
  put(Stage::kParse, parsed - std::min(received, parsed));
  put(Stage::kDecide, at.decide_ns);
  put(Stage::kPool, at.pool_ns);
  put(Stage::kConnect, at.connect_ns);
  put(Stage::kUpstream, at.upstream_ns);
  // A whole reply that goes out in the turn it came in: all of that turn was its handling.
  put(Stage::kTranslate, at.translate_ns + (at.translate_from != 0 ? end - at.translate_from : 0));
  const Nanos total = end - first;
  put(Stage::kRelay, total - std::min(known, total));
  return times;
}

void moments_end_wait(Moments* at, Nanos now) {
  if (at->wait_from != 0) at->upstream_ns += now - std::min(at->wait_from, now);
  at->wait_from = 0;
}

void moments_end_attempt(Moments* at, bool connecting, Nanos now) {
  moments_end_wait(at, now);
  if (connecting) {
    const Nanos dialled = std::clamp(at->dial != 0 ? at->dial : now, at->acquire,
                                     std::max(now, at->acquire));
    at->pool_ns += dialled - at->acquire;
    at->connect_ns += std::max(now, dialled) - dialled;
  } else if (at->connected != 0 && at->reply_head == 0) {
    at->upstream_ns += now - std::min(at->connected, now);
  }
  at->connected = at->reply_head = at->dial = 0;
}

void timing_field(HeadWriter* writer, const StageTimes& times) {
  char text[kTimingFieldBytes];
  std::memcpy(text, kField.data(), kField.size());
  char* to = millis_write(text + kField.size(), times[0]);
  for (size_t i = 1; i < kStages; ++i) {
    std::memcpy(to, kNames[i - 1].text, kNameBytes);
    to = millis_write(to + kNames[i - 1].size, times[i]);
  }
  *to++ = '\r';
  *to++ = '\n';
  writer->add({text, static_cast<size_t>(to - text)});
}

}  // namespace weir
