// What the mock says to a request, before any framing: a status, a content type and a Source that
// gives the body piece by piece (a stream's events, or one piece for a plain body), so that a very
// long stream is never held in memory. Deterministic: the same request and script give the same
// bytes. Thread: that of the server. The request is not needed after answer_make returns.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "request.h"
#include "script.h"

namespace weir::mock {

enum class Endpoint { kChat, kCompletions, kEmbeddings, kModels, kUnknown };

class Source {
 public:
  virtual ~Source() = default;
  // Puts the next piece into *piece; false at the end.
  virtual bool next(std::string* piece) = 0;
};

class WholeSource final : public Source {
 public:
  explicit WholeSource(std::string body) : body_(std::move(body)) {}
  bool next(std::string* piece) override {
    if (done_) return false;
    done_ = true;
    *piece = std::move(body_);
    return !piece->empty();
  }

 private:
  std::string body_;
  bool done_ = false;
};

struct Identity {
  std::string name;
  std::vector<std::string> models;
};

struct Answer {
  int status = 200;
  std::string content_type = "application/json";
  std::size_t body_bytes = 0;  // of a plain answer
  bool stream = false;
  std::unique_ptr<Source> source;
};

// `path` without its query.
Endpoint endpoint_find(std::string_view method, std::string_view path);
Answer answer_make(const Script& script, const Request& request, Endpoint endpoint,
                   const Identity& identity);
Answer answer_error(int status, std::string_view message, std::string_view type,
                    std::string_view code);

}  // namespace weir::mock
