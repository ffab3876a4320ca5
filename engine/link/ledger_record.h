// What one finished request leaves behind: the line of the access log and of the usage store.
//
// Written once by the worker into its ring (base/ring.h), read by the control thread. Plain data:
// names are slots, which the control thread turns back into text; a slot is not reused before the
// rings have been drained.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <type_traits>

#include <weir/types.h>

namespace weir {

constexpr uint32_t kNoSlot = UINT32_MAX;

// `accepted` requests end in exactly one of the first three; a refused one was never accepted.
enum class Outcome : uint8_t { kCompleted, kFailed, kCancelled, kRefused };

// What handled the request: inference, or a route of Weir's own.
enum class RequestKind : uint8_t { kInference, kModels, kHealth, kManagement, kUnknown };

// The stages of a request in microseconds; they sum to the whole time (`total`).
enum class Stage : uint8_t {
  kReceive,   // first byte of the request to its last
  kParse,     // head and body scan
  kDecide,    // authentication result to target chosen
  kPool,      // waiting for a connection slot
  kConnect,   // DNS, TCP, TLS
  kUpstream,  // request written to first byte of the reply's head
  kTranslate, // adapter work and reply checks
  kRelay,     // first byte of the reply to the last byte handed to the client's socket
  kCount,
};
constexpr size_t kStages = static_cast<size_t>(Stage::kCount);

struct AttemptRecord {
  uint32_t target = kNoSlot;  // target slot
  uint16_t status = 0;        // of the upstream; 0 = none came
  Fault fault = Fault::kNone;
  uint32_t duration_us = 0;
};

struct LedgerRecord {
  static constexpr size_t kMaxAttempts = 4;
  static constexpr size_t kMaxRequestId = 128;

  // First what many requests have in common, without gaps: record_traits().
  uint32_t route = kNoSlot;      // Route::slot
  uint32_t series = kNoSlot;     // Target::series of the last attempt
  uint32_t principal = kNoSlot;  // Principal::pin
  RequestKind kind = RequestKind::kUnknown;
  Endpoint endpoint = Endpoint::kChat;
  Outcome outcome = Outcome::kRefused;
  bool stream = false;
  bool cached = false;           // answered from the reply cache; no provider was asked
  bool has_error = false;        // `error` says why
  Errc error = Errc::kInternal;
  uint8_t attempt_count = 0;     // all attempts; the first kMaxAttempts are in `attempts`
  uint16_t status = 0;           // towards the client; 499 when it left before an answer
  uint8_t method_len = 0;
  uint8_t path_len = 0;
  char method[8] = {};           // zeros behind its end

  int64_t started_unix_ms = 0;
  uint32_t total_us = 0;
  std::array<uint32_t, kStages> stage_us{};
  uint8_t peer_len = 0;
  uint8_t request_id_len = 0;
  uint64_t request_bytes = 0;
  uint64_t response_bytes = 0;
  Usage usage;
  std::array<AttemptRecord, kMaxAttempts> attempts{};
  // Texts, whose whole room may be read: it is a multiple of kTextBlock.
  static constexpr size_t kTextBlock = 16;
  char peer[48];
  char request_id[kMaxRequestId];
  char path[64];                 // of Weir's own routes; cut
};

// Equal for records that differ in times and sizes only.
using RecordTraits = std::array<uint64_t, 4>;
[[nodiscard]] inline RecordTraits record_traits(const LedgerRecord& record) {
  static_assert(offsetof(LedgerRecord, started_unix_ms) == sizeof(RecordTraits));
  RecordTraits traits;
  std::memcpy(&traits, &record, sizeof traits);
  return traits;
}

// All that is in use: most records have no path, and a short request id.
inline void record_copy(LedgerRecord* to, const LedgerRecord& from) {
  static_assert(std::is_trivially_copyable_v<LedgerRecord>);
  constexpr size_t kFirst = offsetof(LedgerRecord, request_id);
  std::memcpy(static_cast<void*>(to), &from, kFirst);
  std::memcpy(to->request_id, from.request_id, from.request_id_len);
  if (from.path_len != 0) std::memcpy(to->path, from.path, from.path_len);
}

}  // namespace weir
