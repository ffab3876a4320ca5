#include "control/secret/secret_document.h"

#include <algorithm>
#include <charconv>
#include <cstring>

#include "json/index.h"
#include "json/text.h"
#include "json/walk.h"

namespace weir {

namespace {

constexpr size_t kMaxFields = 256, kMaxNesting = 16;

const Secret* field_find(const SecretFields& fields, std::string_view name) {
  for (const auto& [known, value] : fields) {
    if (known == name) return &value;
  }
  return nullptr;
}

// A token that the index has checked.
std::string text_of(std::string_view token) {
  if (token.empty() || token.front() != '"') return std::string(token);
  const std::string_view raw = token.substr(1, token.size() - 2);
  std::string out(raw.size(), '\0');
  const Unescaped plain = unescape_json(raw, LoneSurrogate::kReplace, out.data());
  out.resize(plain.size);
  return out;
}

std::string_view view_of(const Secret* value) {
  return value == nullptr ? std::string_view() : std::string_view(value->reveal());
}

}  // namespace

std::expected<SecretFields, const char*> json_fields(std::string_view json) {
  constexpr size_t kPadding = 64;
  std::string padded(json);
  padded.append(kPadding, ' ');
  const std::string_view text(padded.data(), json.size());
  JsonIndex index;
  if (index.build(text, {.escapes = true, .max_depth = kMaxNesting}) != JsonIndex::Status::kOk) {
    return std::unexpected("is no JSON");
  }
  JsonCursor cursor(text, index, kMaxNesting, true);
  SecretFields out;
  const char* problem = "is no JSON object";
  const bool good = cursor.each_member([&](ByteRange key) {
    ByteRange value;
    if (!cursor.take_value(&value)) return false;
    std::string name = text_of(cursor.view(key));
    problem = "names a field twice";
    if (field_find(out, name) != nullptr) return false;
    problem = "has too many fields";
    if (out.size() == kMaxFields) return false;
    out.emplace_back(std::move(name), Secret(text_of(cursor.view(value))));
    problem = "is no JSON object";
    return true;
  });
  if (!good || !cursor.at_end()) return std::unexpected(problem);
  return out;
}

std::expected<Secret, const char*> SecretDocument::value(std::string_view field) const {
  const Secret* found = nullptr;
  if (!field.empty()) {
    found = field_find(fields, field);
    if (found == nullptr) return std::unexpected("has no such field");
  } else {
    found = !text.empty() ? &text : field_find(fields, "api_key");
    if (found == nullptr) found = field_find(fields, "apikey");
    if (found == nullptr && fields.size() == 1) found = &fields.front().second;
    if (found == nullptr) return std::unexpected("has several fields; name one behind #");
  }
  if (found->empty()) return std::unexpected("is empty");
  for (const char c : found->reveal()) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) {
      return std::unexpected("holds a control byte");
    }
  }
  return *found;
}

std::expected<SecretFields, const char*> SecretDocument::all(std::string_view field) const {
  if (field.empty() && !fields.empty()) return fields;
  const Secret* found = field.empty() ? &text : field_find(fields, field);
  if (found == nullptr) return std::unexpected("has no such field");
  return json_fields(found->reveal());
}

bool SecretDocument::same_as(const SecretDocument& other) const {
  return text.reveal() == other.text.reveal() &&
         std::equal(fields.begin(), fields.end(), other.fields.begin(), other.fields.end(),
                    [](const auto& a, const auto& b) {
                      return a.first == b.first && a.second.reveal() == b.second.reveal();
                    });
}

std::expected<SecretDocument, const char*> vault_document(std::string_view body) {
  const auto whole = json_fields(body);
  if (!whole) return std::unexpected(whole.error());
  const auto data = json_fields(view_of(field_find(*whole, "data")));
  if (!data) return std::unexpected("has no data; is it a KV engine of version 2?");
  auto fields = json_fields(view_of(field_find(*data, "data")));
  if (!fields) return std::unexpected("has no data; is it a KV engine of version 2?");
  SecretDocument out;
  out.fields = std::move(*fields);
  const std::string_view lease = view_of(field_find(*whole, "lease_duration"));
  std::from_chars(lease.data(), lease.data() + lease.size(), out.lease_s);
  return out;
}

std::expected<SecretDocument, const char*> secrets_manager_document(std::string_view body) {
  auto whole = json_fields(body);
  if (!whole) return std::unexpected(whole.error());
  SecretDocument out;
  // Key-value secrets have `data`, service credentials `credentials`; the other kinds have their
  // values beside the description.
  for (const char* group : {"data", "credentials"}) {
    auto fields = json_fields(view_of(field_find(*whole, group)));
    if (fields && !fields->empty()) {
      out.fields = std::move(*fields);
      return out;
    }
  }
  if (const Secret* payload = field_find(*whole, "payload")) out.text = *payload;
  for (const char* name : {"api_key", "username", "password"}) {
    if (const Secret* value = field_find(*whole, name)) out.fields.emplace_back(name, *value);
  }
  if (out.text.empty() && out.fields.empty()) {
    return std::unexpected("has neither data nor a payload");
  }
  return out;
}

}  // namespace weir
