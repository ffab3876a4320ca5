// The JSON body of a management call, and the query beside it.
//
// The body becomes the tree that the sections of the configuration file are read from, so that one
// set of checks serves both. What is wrong becomes the call's error, with the field as `param`.
// Control thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "control/api/api_answer.h"
#include "control/config_json.h"
#include "control/store/catalog.h"

namespace weir {

// The body as a map of members; nothing, with the error in the call, when it is not one.
// `may_be_empty`: no body is an empty map.
[[nodiscard]] std::optional<ConfigNode> body_read(ManagementCall& call, bool may_be_empty = false);

// The member's value, or null.
[[nodiscard]] const ConfigNode* node_find(const ConfigNode& map, std::string_view key);
// Takes the member out of the map.
std::optional<ConfigNode> node_take(ConfigNode* map, std::string_view key);
void node_set(ConfigNode* map, std::string_view key, ConfigNode value);
void node_set(ConfigNode* map, std::string_view key, std::string_view text);
// Takes out what answers show and calls cannot change, so that an answer is a body.
void shown_drop(ConfigNode* body, std::initializer_list<std::string_view> fields);
// Gives the member the name `key` when it has one of `others`. False, with the error in the call,
// when it has two of these names.
[[nodiscard]] bool node_rename(ManagementCall& call, ConfigNode* map, std::string_view key,
                               std::initializer_list<std::string_view> others);

// True, with the first error in the call, when there is one.
[[nodiscard]] bool problems_fail(ManagementCall& call, const ConfigProblems& problems);
// The error of the catalog in the API's form.
void catalog_fail(ManagementCall& call, const CatalogError& error);
// "There is no such provider.", with the kind's own code.
void missing_fail(ManagementCall& call, ObjectKind kind, std::string_view param = {});

}  // namespace weir
