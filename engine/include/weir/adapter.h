// The function table of one provider, and the small language in which it talks to the engine.
//
// An adapter is a constant table of plain functions: no I/O, no clock, no globals, no memory of its
// own but `Call::state`. It runs on the worker thread that owns the request. Everything it is given
// is borrowed until return, except what it puts into `Call::arena`, which lives for the attempt.
// A null member means "bytes pass unchanged", and costs nothing.
//
// One attempt is a short program. The engine calls next() for the first step, and again when the
// step it was given is done, until a reply has been handed on:
//   kSend      send `request`; then the reply goes to inspect() (if any), map_error() when it is an
//              error, else transform_response()/transform_stream()
//   kWait      wait `wait_ms`, then next() (polling; loopback's delays)
//   kReply     no network: `reply` is a part of an answer the adapter makes itself (loopback)
//   kNeedToken the control plane provides the provider's short-lived token, then next()
//   kFanOut    `count` sends, one next() each with Call::part = 0..count-1, which must give kSend;
//              transform_response() finds all replies in Call::parts
//   kFail      give up: `fault` and `error` say why
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <weir/types.h>

namespace weir {

class Arena;
class ReplyScanner;
struct Provider;
struct Target;

// What goes on the wire, except framing: the engine adds Content-Length, x-request-id and the hop
// marker, and the closing blank line.
struct UpstreamRequest {
  // Request line and fields, each ended by CRLF; Host included. Usually a string prepared with the
  // target when the configuration was loaded.
  std::string_view head;
  SliceList body;
  bool is_get = false;        // no body and no Content-Length
  bool second_place = false;  // to the place that Adapter::second_url names
};

// One whole reply, or its head when the body comes as a stream.
struct Reply {
  int status = 0;
  std::string_view content_type;
  std::string_view retry_after;     // seconds or an HTTP date, as sent
  std::string_view retry_after_ms;
  std::string_view should_retry;    // x-should-retry
  std::string_view body;            // padded (RequestScanner::kPadding); empty for a stream
  // The provider's request ids, rate limits, error type and Date; names as they were sent.
  std::span<const HeaderField> fields = {};

  // Empty when the field is absent. `name` in lower case.
  [[nodiscard]] std::string_view field(std::string_view name) const {
    const auto same = [](char sent, char wanted) {
      return (sent >= 'A' && sent <= 'Z' ? sent + ('a' - 'A') : sent) == wanted;
    };
    for (const HeaderField& f : fields) {
      if (std::equal(f.name.begin(), f.name.end(), name.begin(), name.end(), same)) return f.value;
    }
    return {};
  }
};

// A part of an answer that an adapter makes without a network.
struct LocalReply {
  enum class Part : uint8_t { kHead, kBody, kEnd, kCut };
  Part part = Part::kHead;
  int status = 200;
  std::string_view content_type;
  std::string_view retry_after;
  std::string_view data;  // kBody: in the attempt's scratch, taken over before the next call
};

// An error as the client will see it, plus what the engine must know to act on it.
struct UpstreamError {
  Fault fault = Fault::kTarget;
  Errc code = Errc::kUpstreamUnavailable;
  int status = 502;                // towards the client
  std::string_view type;           // empty: by Errc
  std::string_view wire_code;      // empty: by Errc
  std::string_view message;
  std::string_view param;
  bool suspend = true;             // false: another target may be tried, this one stays in use
  int64_t retry_after_ms = -1;     // floor for the suspension and the client's Retry-After
};

enum class StepKind : uint8_t { kSend, kWait, kReply, kNeedToken, kFanOut, kFail };

struct Step {
  StepKind kind = StepKind::kSend;
  UpstreamRequest request;
  LocalReply reply;
  uint32_t wait_ms = 0;
  uint32_t count = 0;
  bool refresh = false;  // kNeedToken: Call::token was refused by the provider
  UpstreamError error;
};

// Fixed memory of one attempt for adapters that carry state between calls; zeroed at its start.
struct alignas(16) AdapterState {
  std::array<uint8_t, 256> bytes{};
  template <typename T>
  [[nodiscard]] T* as() {
    static_assert(sizeof(T) <= sizeof(bytes) && std::is_trivially_destructible_v<T> &&
                  std::is_trivially_copyable_v<T> && alignof(T) <= 16);
    return reinterpret_cast<T*>(bytes.data());
  }
};

struct Call {
  const RequestView& request;
  const Target& target;
  Endpoint endpoint;
  uint32_t attempt = 0;       // 0 = first
  uint32_t step = 0;          // how often next() was called in this attempt
  uint32_t part = 0;          // within a fan-out
  bool strict_params = false; // a parameter that would be dropped is an error
  int64_t unix_ms = 0;        // wall clock at the start of the attempt
  uint64_t random[2] = {};    // fresh for each attempt
  std::string_view request_id;
  std::string_view token;     // after kNeedToken
  // What the client sent of x-ibm-project-id and x-ibm-space-id; names in lower case.
  std::span<const HeaderField> client_fields = {};
  const Reply* reply = nullptr;        // after inspect() asked to go on
  std::span<const Reply> parts = {};   // after a fan-out
  Arena& arena;               // until the attempt ends
  Arena& scratch;             // until this call's output was handed on
  ReplyScanner& scanner;
  AdapterState& state;
  std::string_view dropped_params;     // out: comma separated names, in arena or static
};

enum class StreamPhase : uint8_t { kEvents, kEnd };

// What an adapter learned from a stream or reply, for the ledger and for an honest end.
struct StreamFacts {
  Usage usage;                    // source kNone: only what is known of the prompt so far
  uint64_t seen_choices = 0;      // bit per choice index that appeared
  uint64_t finished_choices = 0;  // bit per choice index with a finish_reason
  uint64_t text_bytes = 0;        // generated text seen so far, for counting without usage
  bool done = false;              // the provider's own end mark was seen
  bool error = false;             // an error event was seen and passed on
};

struct ModelName {
  std::string_view id;
  std::string_view owned_by;
  int64_t created = 0;
};

// What configuration hands to prepare(), on the control thread.
struct PrepareInput {
  const Provider& provider;
  std::string_view model;
  Endpoint endpoint;
};

// The exchange of a provider's credential for a short-lived token, carried out by the control
// thread, once for all who wait.
struct TokenRequest {
  std::string url;    // POST
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;
};
struct Token {
  std::string value;
  int64_t expires_unix_ms = 0;
};

// Asks for one page of the provider's model list.
struct ListInput {
  const Provider& provider;
  int64_t unix_ms = 0;
  std::string_view token;   // of a provider that needs one
  std::string_view cursor;  // empty for the first page
};
struct ListRequest {
  std::string head;           // GET; as UpstreamRequest::head
  bool second_place = false;  // as UpstreamRequest::second_place
};

struct Adapter {
  uint32_t size;          // sizeof(Adapter) at build time, so that the table can grow
  std::string_view name;  // "openai"
  uint32_t endpoints;     // set of endpoint_bit() it can serve
  bool local;             // answers by kReply only; its providers need no base_url

  // Control thread, may allocate. The head of a request to this model: request line, Host,
  // credential and content type, each line ended by CRLF. Null: the common OpenAI form.
  Result<void> (*prepare)(const PrepareInput& input, std::string* head);
  // First or following step. Null: one kSend of the prepared head with the common OpenAI edits.
  Result<void> (*next)(Call& call, Step* step);
  // After the head of a reply (any status): true asks the engine to read the body whole and call
  // next() again instead of handing the reply on. Null: never.
  bool (*inspect)(const Call& call, const Reply& head);
  // Whole reply. Null: bytes pass unchanged. `out` may borrow from in.body, scratch, arena, static.
  Result<void> (*transform_response)(Call& call, const Reply& in, SliceList* out,
                                     StreamFacts* facts);
  // Body bytes of a streamed reply, cut anywhere; kEnd once at a clean end of framing. Null: whole
  // events pass unchanged and a side scanner fills the facts.
  Result<void> (*transform_stream)(Call& call, StreamPhase phase, std::string_view in,
                                   SliceList* out, StreamFacts* facts);
  // The error that a failed reply stands for. Null: the common OpenAI reading.
  void (*map_error)(Call& call, const Reply& in, UpstreamError* out);
  // Control thread, may allocate. A model list's request. Null: GET {base_path}/models.
  Result<void> (*list_request)(const ListInput& input, ListRequest* out) = nullptr;
  // Reads one page of the provider's model list; returns how many names it wrote. `cursor` (in
  // arena) is set when there is another page. Null: the OpenAI form.
  Result<size_t> (*list_models)(std::string_view body, Arena& arena, std::span<ModelName> out,
                                std::string_view* cursor) = nullptr;
  // Control thread, may allocate. The base URL of a second host that the provider's requests may
  // go to (UpstreamRequest::second_place). Null or empty: there is none.
  std::string (*second_url)(const Provider& provider) = nullptr;
  // Control thread, may allocate. Both or none: what kNeedToken stands for. An error's message
  // holds no part of a credential.
  Result<void> (*token_request)(const Provider& provider, TokenRequest* out) = nullptr;
  Result<void> (*token_reply)(int status, std::string_view body, int64_t unix_ms,
                              Token* out) = nullptr;
};

}  // namespace weir
