// The fields of an object as one JSON text and back: the form in which the database keeps them.
//
// Every field is named once, for the writer and for the reader. Members are texts, numbers, flags,
// or flat lists of texts; what is empty is left out, what is unknown is passed over, so that a
// field can be added without touching old rows. What is secret is a text of its own, to be sealed.
// Any thread.
#pragma once

#include <charconv>
#include <expected>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "control/store/objects.h"

namespace weir {

class FieldWriter {
 public:
  void text(std::string_view name, const std::string& value) {
    if (!value.empty()) list(name, {value}, false);
  }
  void secret(std::string_view name, const Secret& value) { text(name, value.reveal()); }
  void texts(std::string_view name, const std::vector<std::string>& values) {
    if (!values.empty()) list(name, values, true);
  }
  template <typename Number>
  void number(std::string_view name, const Number& value) {
    member(name);
    out_ += std::to_string(value);
  }
  template <typename Number>
  void number(std::string_view name, const std::optional<Number>& value) {
    if (value) number(name, *value);
  }
  void flag(std::string_view name, bool value) {
    member(name);
    out_ += value ? "true" : "false";
  }
  template <typename Enum>
  void choice(std::string_view name, Enum value, std::span<const std::string_view> names) {
    text(name, std::string(names[static_cast<size_t>(value)]));
  }
  // Names and values by turns.
  template <typename Pairs>
  void pairs(std::string_view name, const Pairs& values) {
    std::vector<std::string> flat;
    for (const auto& [key, value] : values) {
      flat.push_back(key);
      if constexpr (requires { value.reveal(); }) {
        flat.push_back(value.reveal());
      } else {
        flat.push_back(value);
      }
    }
    texts(name, flat);
  }
  void bucket(std::string_view name, const std::optional<BucketConfig>& value);
  void backends(std::string_view name, const std::vector<BackendObject>& values);
  [[nodiscard]] std::string take() { return std::move(out_) + "}"; }

 private:
  void member(std::string_view name);
  void list(std::string_view name, const std::vector<std::string>& values, bool brackets);
  std::string out_ = "{";
};

class FieldReader {
 public:
  // The error is one line and holds nothing of the text.
  [[nodiscard]] static std::expected<FieldReader, std::string> parse(std::string_view json);
  void text(std::string_view name, std::string& value) const;
  void secret(std::string_view name, Secret& value) const;
  void texts(std::string_view name, std::vector<std::string>& values) const;
  template <typename Number>
  void number(std::string_view name, Number& value) const {
    std::string read;
    text(name, read);
    Number parsed{};
    const auto [end, error] = std::from_chars(read.data(), read.data() + read.size(), parsed);
    if (error == std::errc{} && end == read.data() + read.size()) value = parsed;
  }
  template <typename Number>
  void number(std::string_view name, std::optional<Number>& value) const {
    if (!members_.contains(name)) return;
    value.emplace();
    number(name, *value);
  }
  void flag(std::string_view name, bool& value) const;
  template <typename Enum>
  void choice(std::string_view name, Enum& value, std::span<const std::string_view> names) const {
    std::string read;
    text(name, read);
    for (size_t i = 0; i < names.size(); ++i) {
      if (names[i] == read) value = static_cast<Enum>(i);
    }
  }
  template <typename Pairs>
  void pairs(std::string_view name, Pairs& values) const {
    std::vector<std::string> flat;
    texts(name, flat);
    for (size_t i = 0; i + 1 < flat.size(); i += 2) {
      values.emplace_back(flat[i], typename Pairs::value_type::second_type(flat[i + 1]));
    }
  }
  void bucket(std::string_view name, std::optional<BucketConfig>& value) const;
  void backends(std::string_view name, std::vector<BackendObject>& values) const;

 private:
  std::map<std::string, std::vector<std::string>, std::less<>> members_;
};

// Without uuid, tenant, times and order, which have columns of their own.
template <typename T>
[[nodiscard]] std::string object_body(const T& object);
template <typename T>
[[nodiscard]] std::expected<void, std::string> object_read_body(std::string_view body, T* object);
// Empty: the object has no secrets.
[[nodiscard]] std::string object_secrets(const ProviderObject& object);
[[nodiscard]] std::expected<void, std::string> object_read_secrets(std::string_view text,
                                                                   ProviderObject* object);

}  // namespace weir
