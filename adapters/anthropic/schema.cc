#include "adapters/anthropic/schema.h"

#include <algorithm>

#include "adapters/common/json_walk.h"
#include "json/json_write.h"

namespace weir {

namespace {

constexpr int kMaxDepth = 64;

// What the provider refuses; the model reads of it in the description.
constexpr std::string_view kTold[] = {
    "minimum",    "maximum",     "exclusiveMinimum", "exclusiveMaximum",
    "multipleOf", "minLength",   "maxLength",        "pattern",
    "maxItems",   "uniqueItems", "minProperties",    "maxProperties",
    "not",        "contains"};
constexpr std::string_view kFormats[] = {"date-time", "time", "date", "duration", "email",
                                         "hostname",  "uri",  "ipv4", "ipv6",     "uuid"};
constexpr std::string_view kOneSchema[] = {"items"};
constexpr std::string_view kSchemaLists[] = {"anyOf", "oneOf", "allOf", "prefixItems"};
constexpr std::string_view kSchemaMaps[] = {"properties", "$defs", "definitions"};

template <size_t N>
bool is_one_of(std::string_view key, const std::string_view (&list)[N]) {
  return std::find(std::begin(list), std::end(list), key) != std::end(list);
}

bool is_told(std::string_view key, std::string_view value) {
  if (key == "minItems") return json_integer(value, 2) > 1;
  if (key == "format") return !is_one_of(json_inner(value), kFormats);
  return is_one_of(key, kTold);
}

class Restrictor {
 public:
  Restrictor(Arena& arena, ArenaText* out) : arena_(arena), out_(*out) {}

  // False when it nests too deep.
  bool schema(std::string_view json, int depth);

 private:
  bool list(std::string_view json, int depth);
  bool map(std::string_view json, int depth);
  bool member(std::string_view key, std::string_view value, int depth);
  void description(std::string_view own, std::string_view told);
  void key(std::string_view name) {
    out_.add(first_ ? "\"" : ",\"").add(name).add("\":");
    first_ = false;
  }

  Arena& arena_;
  ArenaText& out_;
  bool first_ = true;  // in the object that is being written
};

bool Restrictor::schema(std::string_view json, int depth) {
  if (depth > kMaxDepth) return false;
  if (!json_is_object(json)) {
    out_.add(json);
    return true;
  }
  bool is_object = false;
  std::string_view own;
  ArenaText told(arena_, 128);
  out_.add("{");
  first_ = true;
  JsonMembers members(json);
  while (members.next()) {
    const std::string_view name = members.key();
    const std::string_view value = members.value();
    if (name == "additionalProperties") continue;
    is_object |= name == "properties" || (name == "type" && value == "\"object\"");
    if (name == "description" && json_is_string(value)) {
      own = json_inner(value);
    } else if (is_told(name, value)) {
      told.add(told.size() == 0 ? "{" : ", ").add(name).add(": ").add(value);
    } else if (!member(name, value, depth)) {
      return false;
    }
  }
  description(own, told.view());
  if (is_object) {
    key("additionalProperties");
    out_.add("false");
  }
  out_.add("}");
  first_ = false;
  return true;
}

bool Restrictor::member(std::string_view name, std::string_view value, int depth) {
  key(name == "oneOf" ? "anyOf" : name);
  if (is_one_of(name, kSchemaLists) && json_is_array(value)) return list(value, depth + 1);
  if (is_one_of(name, kSchemaMaps) && json_is_object(value)) return map(value, depth + 1);
  if (is_one_of(name, kOneSchema)) {
    const bool done = json_is_array(value) ? list(value, depth + 1) : schema(value, depth + 1);
    first_ = false;
    return done;
  }
  out_.add(value);
  return true;
}

bool Restrictor::list(std::string_view json, int depth) {
  out_.add("[");
  bool first = true;
  JsonElements each(json);
  while (each.next()) {
    if (!first) out_.add(",");
    first = false;
    if (!schema(each.value(), depth)) return false;
  }
  out_.add("]");
  first_ = false;
  return true;
}

bool Restrictor::map(std::string_view json, int depth) {
  out_.add("{");
  bool first = true;
  JsonMembers members(json);
  while (members.next()) {
    out_.add(first ? "\"" : ",\"").add(members.key()).add("\":");
    first = false;
    if (!schema(members.value(), depth)) return false;
  }
  out_.add("}");
  first_ = false;
  return true;
}

void Restrictor::description(std::string_view own, std::string_view told) {
  if (own.empty() && told.empty()) return;
  key("description");
  out_.add("\"").add(own);
  if (!own.empty() && !told.empty()) out_.add("\\n\\n");
  // What is told is JSON text, and stands within a string now.
  if (!told.empty()) out_.add(json_inner(json_quote(told, arena_))).add("}");
  out_.add("\"");
}

}  // namespace

Result<void> schema_restrict(std::string_view schema, std::string_view param, Arena& arena,
                             ArenaText* out) {
  if (Restrictor(arena, out).schema(schema, 0)) return {};
  return std::unexpected(Error{Errc::kInvalidField, "the schema nests too deep", param});
}

}  // namespace weir
