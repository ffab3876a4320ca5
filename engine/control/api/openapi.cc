#include "control/api/openapi.h"

#include <algorithm>
#include <cctype>
#include <vector>

#include <weir/version.h>

#include "control/api/api_json.h"
#include "control/api/api_route.h"

namespace weir {

namespace {

constexpr std::string_view kReference = "#/components/schemas/";

std::string reference(std::string_view schema) {
  return JsonObject().text("$ref", std::string(kReference).append(schema)).take();
}

std::string type_json(std::string_view type) {
  if (type.ends_with("[]")) {
    type.remove_suffix(2);
    return JsonObject().text("type", "array").json("items", type_json(type)).take();
  }
  if (type == "any") return "{}";
  if (type == "date") {
    return JsonObject().text("type", "integer").text("description", "Unix seconds").take();
  }
  const bool named = std::isupper(static_cast<unsigned char>(type.front())) != 0;
  return named ? reference(type) : JsonObject().text("type", type).take();
}

std::string schema_json(std::string_view members) {
  JsonObject properties;
  std::vector<std::string_view> required;
  while (!members.empty()) {
    const size_t end = std::min(members.find(' '), members.size());
    const std::string_view member = members.substr(0, end);
    members.remove_prefix(std::min(end + 1, members.size()));
    const size_t colon = member.find(':');
    std::string_view name = member.substr(0, colon);
    if (name.ends_with('!')) {
      name.remove_suffix(1);
      required.push_back(name);
    }
    properties.json(name, type_json(member.substr(colon + 1)));
  }
  JsonObject out;
  out.text("type", "object").json("properties", properties.take());
  if (!required.empty()) out.texts("required", required);
  return out.take();
}

// `XList` that has no line of its own: the wrapper around a list of X.
bool list_item(std::string_view name, std::string_view* item) {
  constexpr std::string_view kList = "List";
  if (!name.ends_with(kList)) return false;
  *item = name.substr(0, name.size() - kList.size());
  return true;
}

std::string schemas_json() {
  JsonObject out;
  for (const ApiSchema& schema : api_schemas()) out.json(schema.name, schema_json(schema.members));
  std::vector<std::string_view> lists;
  for (const ApiRoute& route : api_routes()) {
    std::string_view item;
    if (!list_item(route.answer, &item)) continue;
    if (std::find(lists.begin(), lists.end(), route.answer) != lists.end()) continue;
    lists.push_back(route.answer);
    out.json(route.answer, schema_json("object!:string data!:" + std::string(item) + "[]"));
  }
  return out.take();
}

// A schema whose name ends in Form is of a body that an HTML form would send.
std::string content(std::string_view schema) {
  const std::string media = JsonObject().json("schema", reference(schema)).take();
  const std::string_view type =
      schema.ends_with("Form") ? "application/x-www-form-urlencoded" : "application/json";
  return JsonObject().json(type, media).take();
}

// The names of the parameters, and the path as OpenAPI writes it.
std::string path_plain(std::string_view path, std::vector<std::string>* parameters) {
  std::string out;
  for (size_t open; (open = path.find('{')) != std::string_view::npos;) {
    const size_t close = path.find('}', open);
    std::string name(path.substr(open + 1, close - open - 1));
    if (name.ends_with('*')) name.pop_back();
    out.append(path.substr(0, open)).append("{").append(name).append("}");
    parameters->push_back(std::move(name));
    path.remove_prefix(close + 1);
  }
  return out.append(path);
}

std::string parameters_json(const std::vector<std::string>& names) {
  std::string out = "[";
  for (const std::string& name : names) {
    JsonObject parameter;
    parameter.text("name", name)
        .text("in", "path")
        .flag("required", true)
        .json("schema", type_json("string"));
    out += (out.size() > 1 ? "," : "") + parameter.take();
  }
  return out + "]";
}

std::string_view reason(std::string_view status) {
  return status == "201" ? "Made" : status == "204" ? "Done" : "Good";
}

std::string responses_json(const ApiRoute& route) {
  JsonObject out;
  std::string_view statuses = route.statuses;
  while (!statuses.empty()) {
    const size_t end = std::min(statuses.find(' '), statuses.size());
    const std::string_view status = statuses.substr(0, end);
    statuses.remove_prefix(std::min(end + 1, statuses.size()));
    JsonObject response;
    response.text("description", reason(status));
    if (!route.answer.empty()) response.json("content", content(route.answer));
    out.json(status, response.take());
  }
  JsonObject error;
  error.text("description", "An error, in the one form that all errors have");
  return out.json("default", error.json("content", content("Error")).take()).take();
}

std::string_view who(ApiAccess access) {
  switch (access) {
    case ApiAccess::kPublic: return "Needs no key.";
    case ApiAccess::kMetrics: return "Needs an admin's key, or the one for metrics.";
    case ApiAccess::kAnyKey: return "Needs a key.";
    case ApiAccess::kAdmin: return "Needs an admin's key.";
    case ApiAccess::kOperator: return "Needs an admin's key of the tenant `default`.";
  }
  return {};
}

std::string operation_json(const ApiRoute& route, const std::vector<std::string>& parameters) {
  JsonObject out;
  out.text("summary", route.summary).text("description", who(route.access));
  if (!parameters.empty()) out.json("parameters", parameters_json(parameters));
  if (!route.body.empty()) {
    out.json("requestBody", JsonObject().json("content", content(route.body)).take());
  }
  out.json("responses", responses_json(route));
  if (route.access == ApiAccess::kPublic) out.json("security", "[]");
  return out.take();
}

std::string lower(std::string_view method) {
  std::string out;
  for (const char c : method) out += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return out;
}

std::string paths_json() {
  JsonObject out;
  std::vector<std::string_view> written;
  for (const ApiRoute& first : api_routes()) {
    if (std::find(written.begin(), written.end(), first.path) != written.end()) continue;
    written.push_back(first.path);
    std::vector<std::string> parameters;
    const std::string path = path_plain(first.path, &parameters);
    JsonObject operations;
    for (const ApiRoute& route : api_routes()) {
      if (route.path != first.path) continue;
      operations.json(lower(route.method), operation_json(route, parameters));
    }
    out.json(path, operations.take());
  }
  return out.take();
}

}  // namespace

std::string openapi_document() {
  JsonObject info;
  info.text("title", "Weir")
      .text("version", WEIR_VERSION)
      .text("description",
            "Inference in OpenAI's form, and the management of what stands behind it. Paths that "
            "begin with /v1/ are served under /ml/gateway/v1/ too. A query `version` is accepted "
            "and means nothing.");
  JsonObject bearer;
  bearer.text("type", "http").text("scheme", "bearer");
  JsonObject components;
  components.json("schemas", schemas_json())
      .json("securitySchemes", JsonObject().json("key", bearer.take()).take());
  JsonObject out;
  out.text("openapi", "3.1.0")
      .json("info", info.take())
      .json("servers", R"([{"url":"/"}])")
      .json("security", R"([{"key":[]}])")
      .json("paths", paths_json())
      .json("components", components.take());
  return out.take();
}

}  // namespace weir
