// Chat bodies for benchmarks: messages of about 700 bytes of text with an escape every 55 bytes or
// so, as prompts with code and line breaks have, and white space as client libraries write it.
// The same size gives the same body. Any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace weir::bench {

inline std::string chat_text(size_t bytes, uint64_t* random) {
  constexpr std::string_view kWords[] = {"router ", "the ",   "latency ", "of a ", "Zurich, ",
                                         "request", " body ", "and ",     "so: ",  "42 of "};
  constexpr std::string_view kEscapes[] = {"\\n", "\\\"", "\\n\\n", "\\t", "\\\\"};
  std::string text;
  size_t next_escape = 30;
  while (text.size() < bytes) {
    *random = *random * 6364136223846793005U + 1442695040888963407U;
    text += kWords[(*random >> 33) % std::size(kWords)];
    if (text.size() < next_escape) continue;
    text += kEscapes[(*random >> 40) % std::size(kEscapes)];
    next_escape = text.size() + 30 + (*random >> 45) % 46;
  }
  return text;
}

inline std::string chat_body(size_t bytes, bool model_first) {
  constexpr std::string_view kModel = "\"model\": \"gpt-4o-mini-2024-07-18\"";
  constexpr std::string_view kTail = "\"max_tokens\": 256, \"temperature\": 0.7, \"stream\": true";
  uint64_t random = bytes;
  std::string messages;
  while (messages.size() + kModel.size() + kTail.size() + 40 < bytes) {
    const size_t left = bytes - messages.size() - kModel.size() - kTail.size() - 40;
    if (!messages.empty()) messages += ", ";
    messages += "{\"role\": \"user\", \"content\": \"";
    messages += chat_text(left < 1000 ? (left > 60 ? left - 60 : 10) : 700, &random) + "\"}";
  }
  std::string body = "{";
  if (model_first) body.append(kModel).append(", ");
  body.append("\"messages\": [").append(messages).append("], ").append(kTail);
  if (!model_first) body.append(", ").append(kModel);
  return body + "}";
}

// The same body with another `max_tokens` each time, so that a scanner which knows bodies by those
// before them knows none: numbers are a part of their shape. `padding` bytes are behind it.
class NewShapes {
 public:
  NewShapes(size_t bytes, size_t padding) : text_(chat_body(bytes, true)), size_(text_.size()) {
    at_ = text_.rfind("256");
    text_.append(padding, ' ');
  }
  [[nodiscard]] std::string_view next() {
    number_ = number_ == 999 ? 100 : number_ + 1;
    text_.replace(at_, 3, std::to_string(number_));
    return {text_.data(), size_};
  }

 private:
  std::string text_;
  size_t size_;
  size_t at_ = 0;
  int number_ = 100;
};

}  // namespace weir::bench
