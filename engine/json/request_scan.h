// One pass over a request body: is it JSON, and where are the few members that Weir cares about?
//
// Nothing is copied and no tree is built. The caller keeps kPadding readable bytes behind the body
// (their content does not matter) and keeps the body alive as long as the view. One scanner per
// worker; scan() reuses its index, so the scratch that a view's unescaped `model` may point to
// (only when the client escaped characters of the name) lives until the next scan().
// Cost: see bench/request_scan_bench.cc.
#pragma once

#include <memory>
#include <string_view>

#include <weir/types.h>

namespace weir {

struct ScanOptions {
  // kFull: the whole document is checked against RFC 8259 and UTF-8. kTopLevel: only the structure
  // that the scan itself needs (`limits.json_validation: top_level`).
  enum class Validation : uint8_t { kFull, kTopLevel };
  Validation validation = Validation::kFull;
  uint32_t max_depth = 512;
};

class RequestScanner {
 public:
  static constexpr size_t kPadding = 64;
  static constexpr size_t kMaxModelBytes = 512;

  RequestScanner();
  ~RequestScanner();
  RequestScanner(const RequestScanner&) = delete;
  RequestScanner& operator=(const RequestScanner&) = delete;

  // Fills `view`. Refused: anything that is not one JSON object; a top-level key twice (compared
  // after unescaping) or more than 1024 of them; `model` that is missing, no string, empty, longer
  // than 512 bytes or no printable UTF-8; `stream` that is no boolean or null; `stream_options`
  // that is no object or null; output caps and `n` that are no positive integers (null = absent);
  // `messages` that is no array when present. Error::param names the field.
  // Members whose value is null count as absent in `has` only for stream, stream_options, caps, n.
  // kInvalidField means that the body is JSON; message and param live until the next scan().
  [[nodiscard]] Result<void> scan(std::string_view body, const ScanOptions& options,
                                  RequestView* view);

  // Gives memory of an unusually large body back; called between requests.
  void shrink();
  [[nodiscard]] size_t held_bytes() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace weir
