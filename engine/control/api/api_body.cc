#include "control/api/api_body.h"

#include <algorithm>

#include "control/config_reader.h"

namespace weir {

std::optional<ConfigNode> body_read(ManagementCall& call, bool may_be_empty) {
  ConfigNode empty;
  empty.kind = ConfigNode::Kind::kMap;
  if (call.body.empty() && may_be_empty) return empty;
  ConfigProblems problems;
  auto root = json_parse(call.body, &problems);
  if (problems_fail(call, problems)) return std::nullopt;
  if (root->kind != ConfigNode::Kind::kMap) {
    api_refuse(call, "The request body needs to be a JSON object.");
    return std::nullopt;
  }
  // An object belongs to the tenant of the key that makes it; saying so is no fault.
  const ConfigNode* tenant = node_find(*root, "tenant");
  if (tenant != nullptr && tenant->text != call.tenant) {
    api_refuse(call, "tenant: an object belongs to the tenant of the key that makes it.", "tenant");
    return std::nullopt;
  }
  return root;
}

const ConfigNode* node_find(const ConfigNode& map, std::string_view key) {
  for (const ConfigMember& member : map.members) {
    if (member.key == key) return &member.value;
  }
  return nullptr;
}

std::optional<ConfigNode> node_take(ConfigNode* map, std::string_view key) {
  const auto found = std::find_if(map->members.begin(), map->members.end(),
                                  [key](const ConfigMember& member) { return member.key == key; });
  if (found == map->members.end()) return std::nullopt;
  ConfigNode value = std::move(found->value);
  map->members.erase(found);
  return value;
}

void node_set(ConfigNode* map, std::string_view key, ConfigNode value) {
  node_take(map, key);
  ConfigMember member;
  member.key = key;
  member.value = std::move(value);
  map->members.push_back(std::move(member));
}

void node_set(ConfigNode* map, std::string_view key, std::string_view text) {
  ConfigNode value;
  value.kind = ConfigNode::Kind::kScalar;
  value.quoted = true;
  value.text = text;
  node_set(map, key, std::move(value));
}

void shown_drop(ConfigNode* body, std::initializer_list<std::string_view> fields) {
  node_take(body, "object");
  for (const std::string_view field : fields) node_take(body, field);
}

bool node_rename(ManagementCall& call, ConfigNode* map, std::string_view key,
                 std::initializer_list<std::string_view> others) {
  for (const std::string_view other : others) {
    auto value = node_take(map, other);
    if (!value) continue;
    if (node_find(*map, key) != nullptr) {
      api_refuse(call, std::string(other) + ": the same as another field of this body.", other);
      return false;
    }
    node_set(map, key, std::move(*value));
  }
  return true;
}

bool problems_fail(ManagementCall& call, const ConfigProblems& problems) {
  for (const ConfigProblem& problem : problems.list) {
    if (problem.warning) continue;
    std::string_view place = problem.path;
    if (place.starts_with('.')) place.remove_prefix(1);
    std::string param(place);
    // One that no field can have, as it may come from outside, is only quoted in the text.
    if (name_problem(problem.field) == nullptr) {
      param.append(param.empty() ? "" : ".").append(problem.field);
    }
    api_refuse(call, (place.empty() ? "" : std::string(place) + ": ") + problem.text, param);
    return true;
  }
  return false;
}

void missing_fail(ManagementCall& call, ObjectKind kind, std::string_view param) {
  const std::string name(object_kind_name(kind));
  std::string words = name;
  std::replace(words.begin(), words.end(), '_', ' ');
  api_fail(call, 404, name + "_not_found", "There is no such " + words + ".", param);
}

void catalog_fail(ManagementCall& call, const CatalogError& error) {
  const std::string message =
      (error.param.empty() ? "" : error.param + ": ") + error.message;
  switch (error.code) {
    case CatalogErrc::kNotFound:
      return api_fail(call, 404, std::string(object_kind_name(error.kind)) + "_not_found", message,
                      error.param);
    case CatalogErrc::kConflict: return api_fail(call, 409, "conflict", message, error.param);
    case CatalogErrc::kManagedByFile:
      return api_fail(call, 409, "managed_by_file", message, error.param);
    case CatalogErrc::kFull: return api_fail(call, 409, "too_many_objects", message, error.param);
    case CatalogErrc::kInvalid: return api_refuse(call, message, error.param);
    case CatalogErrc::kStorage: return api_fail(call, 503, "storage_failed", message);
  }
}

}  // namespace weir
