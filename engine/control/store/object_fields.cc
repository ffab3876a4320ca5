#include "control/store/object_fields.h"

#include <algorithm>
#include <span>

#include "base/arena.h"
#include "json/index.h"
#include "json/json_write.h"
#include "json/walk.h"

namespace weir {

namespace {

constexpr std::string_view kAlgorithms[] = {"round_robin", "weighted_round_robin",
                                            "least_connections", "quota_priority"};
constexpr std::string_view kScopes[] = {"tenant", "key", "provider", "model"};
constexpr std::string_view kRoles[] = {"user", "admin"};

template <typename Archive, typename Object>
void fields(Archive& to, Object& object, const TenantObject*) {
  to.text("name", object.name);
  to.text("secrets_manager", object.secrets_manager);
  to.flag("changed", object.changed);
}

template <typename Archive, typename Object>
void fields(Archive& to, Object& object, const ProviderObject*) {
  auto& config = object.config;
  to.text("name", config.name);
  to.text("type", config.type);
  to.text("reference", object.reference);
  to.flag("needs_resolving", object.needs_resolving);
  to.pairs("options", config.options);
  to.number("connect_ms", config.timeouts.connect_ms);
  to.number("head_ms", config.timeouts.head_ms);
  to.number("idle_ms", config.timeouts.idle_ms);
  to.number("total_ms", config.timeouts.total_ms);
  to.text("ca_file", config.ca_file);
  to.text("ca_pem", config.ca_pem);
  to.text("proxy_host", config.proxy.host);
  to.number("proxy_port", config.proxy.port);
  to.number("max_connections", config.max_connections);
  to.number("max_waiting", config.max_waiting);
  to.flag("mask_auth_errors", config.mask_auth_errors);
  to.flag("strict_params", config.strict_params);
}

template <typename Archive, typename Object>
void secret_fields(Archive& to, Object& object) {
  to.pairs("data", object.data);
  to.pairs("headers", object.config.headers);
  to.secret("proxy_authorization", object.config.proxy.authorization);
}

template <typename Archive, typename Object>
void fields(Archive& to, Object& object, const ModelObject*) {
  auto& config = object.config;
  to.text("provider_uuid", object.provider_uuid);
  to.text("provider", config.provider);
  to.text("id", config.id);
  to.text("alias", config.alias);
  to.text("environment", config.environment);
  to.number("weight", config.weight);
  to.number("priority", config.priority);
  to.pairs("metadata", config.metadata);
  to.text("metadata_json", object.metadata_json);
}

template <typename Archive, typename Object>
void fields(Archive& to, Object& object, const BalancerObject*) {
  auto& config = object.config;
  to.text("alias", config.alias);
  to.text("name", config.name);
  to.text("environment", config.environment);
  to.choice("algorithm", config.algorithm, kAlgorithms);
  to.number("suspend_ms", config.suspend_ms);
  to.number("max_attempts", config.max_attempts);
  to.backends("backends", object.backends);
}

template <typename Archive, typename Object>
void fields(Archive& to, Object& object, const LimitObject*) {
  auto& config = object.config;
  to.choice("scope", config.scope, kScopes);
  to.text("subject", config.subject);
  to.text("subject_uuid", object.subject_uuid);
  to.text("target", object.target);
  to.bucket("request", config.request);
  to.bucket("token", config.token);
}

template <typename Archive, typename Object>
void fields(Archive& to, Object& object, const PolicyObject*) {
  auto& config = object.config;
  to.text("action", config.action);
  to.text("effect", config.effect);
  to.text("resource", config.resource);
  to.text("subject", config.subject);
}

template <typename Archive, typename Object>
void fields(Archive& to, Object& object, const KeyObject*) {
  auto& config = object.config;
  to.text("name", config.name);
  to.text("environment", config.environment);
  to.text("sha256", config.sha256);
  to.text("previous_sha256", config.previous_sha256);
  to.number("previous_until", config.previous_until_unix_s);
  to.text("prefix", object.prefix);
  to.choice("role", config.role, kRoles);
  to.texts("groups", config.groups);
  to.texts("models", config.models);
  to.number("expires_unix_s", config.expires_unix_s);
}

std::optional<uint32_t> number_of(std::string_view text) {
  uint32_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

}  // namespace

void FieldWriter::member(std::string_view name) {
  if (out_.size() > 1) out_ += ',';
  json_append_string(&out_, name);
  out_ += ':';
}

void FieldWriter::list(std::string_view name, const std::vector<std::string>& values,
                       bool brackets) {
  member(name);
  if (brackets) out_ += '[';
  for (size_t i = 0; i < values.size(); ++i) {
    if (i != 0) out_ += ',';
    json_append_string(&out_, values[i]);
  }
  if (brackets) out_ += ']';
}

void FieldWriter::bucket(std::string_view name, const std::optional<BucketConfig>& value) {
  if (!value) return;
  texts(name, {std::to_string(value->amount), std::to_string(value->capacity),
               std::to_string(value->duration_ns)});
}

void FieldWriter::backends(std::string_view name, const std::vector<BackendObject>& values) {
  std::vector<std::string> flat;
  const auto text_of = [](const std::optional<uint32_t>& number) {
    return number ? std::to_string(*number) : std::string();
  };
  for (const BackendObject& backend : values) {
    flat.insert(flat.end(),
                {backend.model_uuid, text_of(backend.weight), text_of(backend.priority)});
  }
  texts(name, flat);
}

std::expected<FieldReader, std::string> FieldReader::parse(std::string_view json) {
  constexpr size_t kReadable = 64;  // JsonIndex reads so far behind the text
  std::string padded(json);
  padded.resize(json.size() + kReadable, ' ');
  const std::string_view text(padded.data(), json.size());
  JsonIndex index;
  FieldReader out;
  Arena arena;
  const auto bad = std::unexpected(std::string("is not what weir writes"));
  if (index.build(text, {}) != JsonIndex::Status::kOk) return bad;
  JsonCursor cursor(text, index, 3, true);
  const auto value_take = [&](std::vector<std::string>* to) {
    ByteRange range;
    const bool quoted = cursor.peek() == '"';
    if (!cursor.take_value(&range)) return false;
    to->emplace_back(quoted ? json_unquote(cursor.view(range), arena) : cursor.view(range));
    return true;
  };
  const bool read = cursor.each_member([&](ByteRange key) {
    auto& to = out.members_[std::string(json_unquote(cursor.view(key), arena))];
    if (cursor.peek() != '[') return value_take(&to);
    return cursor.each_element([&] { return value_take(&to); });
  });
  if (!read || !cursor.at_end()) return bad;
  return out;
}

void FieldReader::text(std::string_view name, std::string& value) const {
  const auto found = members_.find(name);
  if (found != members_.end() && !found->second.empty()) value = found->second.front();
}

void FieldReader::secret(std::string_view name, Secret& value) const {
  std::string read;
  text(name, read);
  value = Secret(std::move(read));
}

void FieldReader::texts(std::string_view name, std::vector<std::string>& values) const {
  const auto found = members_.find(name);
  if (found != members_.end()) values = found->second;
}

void FieldReader::flag(std::string_view name, bool& value) const {
  std::string read;
  text(name, read);
  if (!read.empty()) value = read == "true";
}

void FieldReader::bucket(std::string_view name, std::optional<BucketConfig>& value) const {
  const auto found = members_.find(name);
  if (found == members_.end() || found->second.size() != 3) return;
  BucketConfig bucket;
  const auto read = [&found](size_t i, auto* number) {
    const std::string& text = found->second[i];
    std::from_chars(text.data(), text.data() + text.size(), *number);
  };
  read(0, &bucket.amount);
  read(1, &bucket.capacity);
  read(2, &bucket.duration_ns);
  value = bucket;
}

void FieldReader::backends(std::string_view name, std::vector<BackendObject>& values) const {
  std::vector<std::string> flat;
  texts(name, flat);
  for (size_t i = 0; i + 2 < flat.size(); i += 3) {
    values.push_back({flat[i], number_of(flat[i + 1]), number_of(flat[i + 2])});
  }
}

template <typename T>
std::string object_body(const T& object) {
  FieldWriter writer;
  fields(writer, object, &object);
  return writer.take();
}

template <typename T>
std::expected<void, std::string> object_read_body(std::string_view body, T* object) {
  const auto reader = FieldReader::parse(body);
  if (!reader) return std::unexpected(reader.error());
  fields(*reader, *object, static_cast<const T*>(object));
  return {};
}

std::string object_secrets(const ProviderObject& object) {
  FieldWriter writer;
  secret_fields(writer, object);
  std::string text = writer.take();
  return text == "{}" ? std::string() : text;
}

std::expected<void, std::string> object_read_secrets(std::string_view text,
                                                     ProviderObject* object) {
  const auto reader = FieldReader::parse(text);
  if (!reader) return std::unexpected(reader.error());
  secret_fields(*reader, *object);
  return {};
}

#define WEIR_FOR_KIND(T)                            \
  template std::string object_body<T>(const T&);    \
  template std::expected<void, std::string> object_read_body<T>(std::string_view, T*)
WEIR_FOR_KIND(TenantObject);
WEIR_FOR_KIND(ProviderObject);
WEIR_FOR_KIND(ModelObject);
WEIR_FOR_KIND(BalancerObject);
WEIR_FOR_KIND(LimitObject);
WEIR_FOR_KIND(PolicyObject);
WEIR_FOR_KIND(KeyObject);
#undef WEIR_FOR_KIND

}  // namespace weir
