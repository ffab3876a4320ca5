#include "proxy/stages.h"

#include <algorithm>
#include <cstring>

namespace weir {

namespace {

// Both in one text, so that a stage is one copy of constant length and a number.
constexpr std::string_view kNames[kStages] = {
    "server-timing: receive;dur=", ", parse;dur=",    ", decide;dur=",    ", pool;dur=",
    ", connect;dur=",              ", upstream;dur=", ", translate;dur=", ", relay;dur="};

char* digits_write(char* to, uint32_t number, int count) {
  for (int i = count - 1; i >= 0; --i) {
    to[i] = static_cast<char>('0' + number % 10);
    number /= 10;
  }
  return to + count;
}

char* millis_write(char* to, Nanos ns) {
  const auto us = static_cast<uint32_t>(std::min<Nanos>(ns / 1000, UINT32_MAX));
  uint32_t ms = us / 1000;
  int digits = 1;
  for (uint32_t rest = ms; rest >= 10; rest /= 10) ++digits;
  to = digits_write(to, ms, digits);
  *to++ = '.';
  return digits_write(to, us % 1000, 3);
}

}  // namespace

StageTimes stage_times(const Moments& at, Nanos end) {
  const Nanos received = at.received != 0 ? at.received : end;
  const Nanos parsed = at.parsed != 0 ? at.parsed : received;
  const Nanos first = std::min(at.first_byte, end);
  StageTimes times{};
  const auto put = [&times](Stage stage, Nanos ns) { times[static_cast<size_t>(stage)] = ns; };
  put(Stage::kReceive, received - std::min(first, received));
  put(Stage::kParse, parsed - std::min(received, parsed));
  put(Stage::kDecide, at.decide_ns);
  put(Stage::kPool, at.pool_ns);
  put(Stage::kConnect, at.connect_ns);
  put(Stage::kUpstream, at.upstream_ns);
  // A whole reply that goes out in the turn it came in: all of that turn was its handling.
  put(Stage::kTranslate, at.translate_ns + (at.translate_from != 0 ? end - at.translate_from : 0));
  Nanos known = 0;
  for (const Nanos ns : times) known += ns;
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
  char* to = text;
  for (size_t i = 0; i < kStages; ++i) {
    std::memcpy(to, kNames[i].data(), kNames[i].size());
    to = millis_write(to + kNames[i].size(), times[i]);
  }
  *to++ = '\r';
  *to++ = '\n';
  writer->add({text, static_cast<size_t>(to - text)});
}

}  // namespace weir
