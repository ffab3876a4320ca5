#include "control/policy.h"

#include <algorithm>

namespace weir {

namespace {

constexpr std::string_view kAll = "*";

bool strip(std::string_view* text, std::string_view prefix) {
  if (!text->starts_with(prefix)) return false;
  text->remove_prefix(prefix.size());
  return true;
}

bool is_hex(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

std::string_view group_name(std::string_view text) {
  strip(&text, "group:");
  strip(&text, "AccessGroupId-");
  return text;
}

// Both spellings of the hexadecimal digits are one id.
bool same_uuid(std::string_view a, std::string_view b) {
  const auto fold = [](char c) { return c >= 'A' && c <= 'F' ? static_cast<char>(c | 0x20) : c; };
  return !a.empty() && std::equal(a.begin(), a.end(), b.begin(), b.end(),
                                  [&](char x, char y) { return fold(x) == fold(y); });
}

bool provider_named(const PolicyResource& resource, std::string_view uuid, std::string_view name) {
  if (name.empty() && uuid.empty()) return false;  // a balancer has no provider
  return resource.name == kAll || resource.name == name || same_uuid(resource.name, uuid);
}

bool model_named(const PolicyResource& resource, const PolicyThing& object) {
  if (object.kind == PolicyKind::kBalancer) {
    return object.lists_backends && resource.name == object.alias;
  }
  if (object.kind != PolicyKind::kModel) return false;
  return resource.name == kAll || resource.name == object.place || resource.name == object.alias ||
         same_uuid(resource.name, object.uuid);
}

bool balancer_named(const PolicyResource& resource, const PolicyThing& object) {
  if (object.kind != PolicyKind::kBalancer) return false;
  return resource.name == kAll || resource.name == object.alias || resource.name == object.name ||
         same_uuid(resource.name, object.uuid);
}

}  // namespace

bool policy_is_uuid(std::string_view text) {
  if (text.size() != 36) return false;
  for (size_t i = 0; i < text.size(); ++i) {
    const bool dash = i == 8 || i == 13 || i == 18 || i == 23;
    if (dash ? text[i] != '-' : !is_hex(text[i])) return false;
  }
  return true;
}

std::optional<PolicyResource> policy_resource_parse(std::string_view text) {
  if (text == kAll) return PolicyResource{PolicyKind::kEverything, kAll};
  PolicyKind kind = PolicyKind::kAnyUuid;
  if (strip(&text, "model:")) {
    kind = PolicyKind::kModel;
  } else if (strip(&text, "provider:")) {
    kind = PolicyKind::kProvider;
  } else if (strip(&text, "load_balancer:")) {
    kind = PolicyKind::kBalancer;
  } else if (!policy_is_uuid(text)) {
    return std::nullopt;
  }
  if (text.empty()) return std::nullopt;
  return PolicyResource{kind, text};
}

std::optional<PolicySubject> policy_subject_parse(std::string_view text) {
  if (text == kAll) return PolicySubject{SubjectKind::kEveryone, {}};
  SubjectKind kind = SubjectKind::kGroup;
  if (strip(&text, "key:")) {
    kind = SubjectKind::kKey;
  } else if (strip(&text, "user:")) {
    kind = SubjectKind::kUser;
  } else {
    text = group_name(text);
  }
  if (text.empty()) return std::nullopt;
  return PolicySubject{kind, text};
}

PolicyCaller policy_caller_of(const KeyConfig& key) {
  PolicyCaller caller;
  caller.tenant = key.tenant;
  caller.key_uuid = key.uuid;
  caller.key_name = key.name;
  caller.user = key.user;
  caller.groups = key.groups;
  caller.admin = key.role == Role::kAdmin;
  return caller;
}

std::vector<PolicySubject> policy_subjects_of(const PolicyCaller& caller) {
  std::vector<PolicySubject> subjects = {{SubjectKind::kEveryone, {}}};
  const auto add = [&subjects](SubjectKind kind, std::string_view name) {
    if (!name.empty()) subjects.push_back({kind, name});
  };
  add(SubjectKind::kKey, caller.key_uuid);
  add(SubjectKind::kKey, caller.key_name);
  add(SubjectKind::kUser, caller.user);
  for (const std::string& group : caller.groups) add(SubjectKind::kGroup, group_name(group));
  return subjects;
}

bool policy_names(const PolicyResource& resource, const PolicyThing& object) {
  switch (resource.kind) {
    case PolicyKind::kEverything:
      return true;
    case PolicyKind::kAnyUuid:
      return same_uuid(resource.name, object.uuid) ||
             same_uuid(resource.name, object.provider_uuid);
    case PolicyKind::kModel:
      return model_named(resource, object);
    case PolicyKind::kProvider:
      return object.kind == PolicyKind::kProvider
                 ? provider_named(resource, object.uuid, object.name)
                 : provider_named(resource, object.provider_uuid, object.provider_name);
    case PolicyKind::kBalancer:
      return balancer_named(resource, object);
  }
  return false;
}

bool policy_denies_write(std::span<const PolicyConfig> policies, const PolicyCaller& caller,
                         const PolicyThing& object) {
  const std::vector<PolicySubject> subjects = policy_subjects_of(caller);
  return std::any_of(policies.begin(), policies.end(), [&](const PolicyConfig& policy) {
    if (policy.tenant != caller.tenant || policy.action != "write" || policy.effect != "deny") {
      return false;
    }
    const auto subject = policy_subject_parse(policy.subject);
    const auto resource = policy_resource_parse(policy.resource);
    return subject && resource && policy_names(*resource, object) &&
           std::find(subjects.begin(), subjects.end(), *subject) != subjects.end();
  });
}

}  // namespace weir
