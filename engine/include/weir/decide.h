// Decisions alone: which provider and model a request goes to, whether a limit forbids it, and what
// its outcome means for the next one. No threads, no I/O, no clock: time is passed in.
//
// A Router is made from the text of a configuration and shared by all threads that decide; it holds
// the level of every limit and the health of every target, which stay when update() brings a new
// configuration. Each thread has a Decider of its own (memory of balancing, scratch for the scan).
//
// Threads: create() and update() for one thread at a time; a Decider for the thread that uses it.
// A Router must outlive its Deciders, and a Decider its Decisions. Secrets are not resolved: keys
// are known by the `sha256` that the file gives them. Times are nanoseconds of any clock that does
// not go back, the same for all calls.
#pragma once

#include <array>
#include <cstdint>
#include <expected>
#include <memory>
#include <string>
#include <string_view>

#include <weir/types.h>
#include <weir/version.h>

namespace weir {

using KeyDigest = std::array<uint8_t, 32>;  // SHA-256 of a client's API key
[[nodiscard]] WEIR_API KeyDigest key_sha256(std::string_view key);

struct RouterOptions {
  uint32_t threads = 1;    // most Deciders there will be, 1 to 1024
  uint64_t seed = 0;       // of the start offsets; the same seed decides the same way
  uint64_t now_ns = 0;
};

class WEIR_API Router {
 public:
  // `config` as for the program `weir`; what is not about routing, keys and limits is checked and
  // not used. The error is one line.
  [[nodiscard]] static std::expected<std::unique_ptr<Router>, std::string> create(
      std::string_view config, const RouterOptions& options);
  ~Router();
  Router(const Router&) = delete;
  Router& operator=(const Router&) = delete;

  // Deciders take the new configuration with their next decide(); decisions that are open keep the
  // old one. On error the old one stays.
  [[nodiscard]] std::expected<void, std::string> update(std::string_view config, uint64_t now_ns);

 private:
  friend class Decider;
  struct Parts;
  explicit Router(std::unique_ptr<Parts> parts);
  std::unique_ptr<Parts> parts_;
};

// Who asks, for what.
struct Question {
  const RequestView* request = nullptr;  // from Decider::scan()
  Endpoint endpoint = Endpoint::kChat;
  // Null: the owner of the program, in tenant `default`, who may use every model.
  const KeyDigest* key = nullptr;
  int64_t unix_s = 0;                    // for keys that expire
  uint64_t now_ns = 0;
};

// Where one attempt goes. Views live as long as the Decision.
struct Destination {
  std::string_view provider, provider_type, tenant;
  std::string_view authority;   // host, and the port where it is not the usual one; may be empty
  std::string_view base_path;   // without a slash at its end
  bool tls = false;
  std::string_view model;       // the provider's name for it
  std::string_view model_json;  // the same as a JSON string: replaces RequestView's `model` value
  bool probe = false;           // the first request to a target that was suspended
};

enum class Verdict : uint8_t {
  kGo,       // to `place`
  kRefused,  // by `error`; nothing is held
};

// One request that is under way. Moved, never copied; one that is let go of while it holds a target
// counts as cancelled.
class WEIR_API Decision {
 public:
  Decision() = default;
  ~Decision();
  Decision(Decision&& other) noexcept;
  Decision& operator=(Decision&& other) noexcept;

  Verdict verdict = Verdict::kRefused;
  Destination place;
  // Of a refusal: kUnauthorized, kModelNotFound, kAccessDenied, kUnsupportedEndpoint, kRateLimited,
  // kNoBackend. The message is static text.
  Error error{Errc::kInternal, {}};
  int64_t retry_after_ms = -1;  // with kRateLimited and kNoBackend
  uint32_t attempts = 0;

 private:
  friend class Decider;
  struct Held;
  void drop();
  Held* held_ = nullptr;
};

// How an attempt went.
struct AttemptOutcome {
  Fault fault = Fault::kNone;   // kNone and kRequest: the target is fine
  bool delivered = false;       // a byte of the answer went to the client: no other target then
  int64_t retry_after_ms = -1;  // what the provider asked for
  Usage usage = {};             // of the whole request so far
  uint64_t now_ns = 0;
};

class WEIR_API Decider {
 public:
  // `thread` is this thread's number, 0 to threads-1, used by no other Decider at the same time.
  Decider(Router* router, uint32_t thread);
  ~Decider();
  Decider(const Decider&) = delete;
  Decider& operator=(const Decider&) = delete;

  // Readable bytes that must follow a body; their content does not matter.
  static constexpr size_t kPadding = 64;
  // Checks that the body is JSON and finds the members that matter. `out` borrows from the body,
  // and its `model` may borrow from this Decider until the next scan().
  [[nodiscard]] Result<void> scan(std::string_view body, RequestView* out);

  // The first attempt of a request. The question's request is not kept.
  [[nodiscard]] Decision decide(const Question& question);
  // What came of the attempt. True: it failed, and decision->place says where to try next. False:
  // it is over, limits are settled, and the decision holds nothing any more.
  bool report(Decision* decision, const AttemptOutcome& outcome);

 private:
  friend class Decision;
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

}  // namespace weir
