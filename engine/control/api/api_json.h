// Writes the JSON objects of answers, member by member. Control thread.
#pragma once

#include <string>
#include <string_view>
#include <utility>

#include "json/json_write.h"

namespace weir {

class JsonObject {
 public:
  JsonObject& text(std::string_view name, std::string_view value) {
    member(name);
    json_append_string(&out_, value);
    return *this;
  }
  // Left out when empty.
  JsonObject& some_text(std::string_view name, std::string_view value) {
    return value.empty() ? *this : text(name, value);
  }
  JsonObject& number(std::string_view name, int64_t value) {
    member(name);
    append_number(&out_, value);
    return *this;
  }
  JsonObject& flag(std::string_view name, bool value) {
    return json(name, value ? "true" : "false");
  }
  // `value` is JSON already.
  JsonObject& json(std::string_view name, std::string_view value) {
    member(name);
    out_ += value;
    return *this;
  }
  template <typename Texts>
  JsonObject& texts(std::string_view name, const Texts& values) {
    member(name);
    char before = '[';
    for (const auto& value : values) {
      out_ += before;
      json_append_string(&out_, value);
      before = ',';
    }
    out_ += before == '[' ? "[]" : "]";
    return *this;
  }
  [[nodiscard]] std::string take() { return std::move(out_) + "}"; }

 private:
  void member(std::string_view name) {
    if (out_.size() > 1) out_ += ',';
    json_append_string(&out_, name);
    out_ += ':';
  }
  std::string out_ = "{";
};

// The members of a list that the API wraps: {"object":"list","data":[...]}.
class JsonList {
 public:
  void add(std::string_view json) {
    if (!out_.ends_with('[')) out_ += ',';
    out_ += json;
  }
  [[nodiscard]] std::string take() { return std::move(out_) + "]}"; }

 private:
  std::string out_ = R"({"object":"list","data":[)";
};

}  // namespace weir
