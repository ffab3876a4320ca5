// The one place where a worker and the control thread meet. Everything a worker shares is in its
// WorkerLink; everything the control thread is told goes through the ControlLink.
//
// A snapshot is owned by the control thread and used by a worker only within a turn of its loop,
// never across turns; once adopted_epoch has passed it on every worker it can be freed.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/mailbox.h"
#include "base/ring.h"
#include "link/ledger_record.h"
#include "link/metrics_block.h"
#include "link/reply_cache.h"
#include "link/sign_in_link.h"
#include "link/token_link.h"
#include "route/inflight.h"
#include "route/pins.h"
#include "route/snapshot.h"

namespace weir {

struct JwtTrust;
struct WorkerLink;

// A request that a worker hands to the control thread (/metrics, management), and its answer.
// Allocated by the worker, passed there and back, freed by the worker.
struct ManagementCall {
  ManagementCall* next_message = nullptr;
  WorkerLink* worker = nullptr;
  void* exchange = nullptr;       // held by the worker until the answer is back
  std::string method, path, query, body, request_id, peer;
  std::string content_type;
  // Copied from the principal: the record may be retired before the answer is made. All empty:
  // a public route, and no key was looked at.
  std::string key_id, tenant, environment;
  bool admin = false, metrics_only = false;
  // The answer. With `error` set the worker writes the common error body with error_* instead.
  int status = 0;
  std::string reply_type = "application/json";
  std::string reply;
  bool has_error = false;
  Errc error = Errc::kInternal;
  std::string error_code, error_message, error_param;
  std::string error_members;      // JSON members in front of the common ones, with commas between
  int64_t retry_after_ms = -1;    // of an error; -1: not said
  std::string reply_fields;       // complete lines of the answer's head
  std::string allow;              // for 405
};

// A request for a copy of the worker's metrics; freed by the control thread.
struct Scrape {
  Scrape* next_message = nullptr;
  WorkerLink* worker = nullptr;
  uint64_t id = 0;
  MetricsBlock block;
};

// Which answers tell in `server-timing` where their time went: those to a request that asks for it
// with `x-weir-timing: 1`, all, or none.
enum class ServerTiming : uint8_t { kOnRequest, kAlways, kOff };

// Client-facing bounds of `limits:`; copied by each worker when it adopts a snapshot.
struct ClientLimits {
  uint32_t header_timeout_ms = 10'000;
  uint32_t body_timeout_ms = 30'000;
  uint32_t idle_timeout_ms = 75'000;
  uint32_t write_stall_timeout_ms = 60'000;
  uint32_t drain_timeout_ms = 30'000;
  uint32_t max_header_bytes = 64 * 1024;
  uint64_t max_body_bytes = 32ull << 20;
  uint64_t max_response_bytes = 32ull << 20;
  uint64_t max_connections = 100'000;      // process-wide
  uint64_t max_buffered_bytes = 1ull << 30;  // process-wide
  bool validate_full = true;
  bool strict_accounting = false;  // refuse what might not find room in the ledger's ring
  ServerTiming server_timing = ServerTiming::kOnRequest;  // of `log:`
  uint32_t retry_budget_percent = 20;
  uint32_t retry_budget_min_per_s = 10;
  CacheLimits cache;                         // process-wide
};

// Slots that nothing uses any more and that other owners will get: what a worker counted under them
// goes to the sums of what is gone, what it kept of them is forgotten.
struct SlotsToClear {
  std::vector<uint32_t> routes, targets, series, tokens, pools;
};

// What the control thread publishes: a snapshot and the limits that go with it.
struct Publication {
  std::unique_ptr<const Snapshot> snapshot;
  ClientLimits limits;
  SlotsToClear clear;
  // The control thread's own: records that the publication before had and this one has not. When
  // keeps_former is false those are all of them.
  struct Dropped {
    std::shared_ptr<const void> record;
    uint32_t pin = 0;
  };
  std::vector<Dropped> dropped;
  bool keeps_former = false;
  std::shared_ptr<const JwtTrust> trust;  // null: no token is believed (jwt/verify.h)
};

struct WorkerLink {
  explicit WorkerLink(uint32_t core_index, uint32_t core_count)
      : core(core_index), cores(core_count), ledger(kLedgerSlots) {}
  ~WorkerLink() {
    messages_discard(tokens);
    messages_discard(sign_ins);
  }
  WorkerLink(const WorkerLink&) = delete;
  WorkerLink& operator=(const WorkerLink&) = delete;
  static constexpr size_t kLedgerSlots = 4096;
  static constexpr size_t kLedgerWake = 512;  // so many records wake the control thread

  const uint32_t core;
  const uint32_t cores;
  // Control thread to worker.
  LatestSlot<const Publication> publication;
  MessageStack<ManagementCall> answers;
  MessageStack<Scrape> scrapes;
  MessageStack<TokenNews> tokens;
  MessageStack<SignInCall> sign_ins;       // answered
  std::atomic<bool> drain{false};          // relaxed; wake() follows
  std::atomic<bool> stop{false};
  // Worker to control thread.
  std::atomic<uint64_t> adopted_epoch{0};  // release after the swap, acquire by control
  std::atomic<bool> running{true};         // false while no loop drives it; release, acquire
  PinTable pins;
  Ring<LedgerRecord> ledger;
  // Wakes the worker's loop; any thread, coalesces. Set before the worker runs.
  void (*wake)(WorkerLink*) = nullptr;
  void* wake_context = nullptr;
};

// Process-wide numbers that bound all workers together; relaxed counters, exact enough for bounds.
struct SharedBounds {
  std::atomic<uint64_t> connections{0};
  std::atomic<uint64_t> buffered_bytes{0};
};

struct ControlLink {
  ControlLink() = default;
  ~ControlLink() {
    messages_discard(tokens);
    messages_discard(sign_ins);
  }
  ControlLink(const ControlLink&) = delete;
  ControlLink& operator=(const ControlLink&) = delete;
  MessageStack<ManagementCall> calls;
  MessageStack<Scrape> scrapes;            // filled in
  MessageStack<TokenCall> tokens;
  MessageStack<SignInCall> sign_ins;
  SharedBounds bounds;
  // Whether the control thread serves this path without a key. Constant, any thread; null: none.
  bool (*is_public)(std::string_view path) = nullptr;
  InflightBoard* inflight = nullptr;       // of all workers; null: each balances by its own
  ReplyCache cache;                        // configured by the control thread
  // Wakes the control thread; any thread, coalesces, never blocks.
  void (*wake)(ControlLink*) = nullptr;
  void* wake_context = nullptr;
};

}  // namespace weir
