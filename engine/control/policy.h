// What one policy says: whom it names, what it is about. And whether policies forbid an admin to
// change something. Which models a caller may use is compiled beforehand (policy_table.h).
//
// Resources: `model:` with a UUID, an alias or provider/id; `provider:` and `load_balancer:` with a
// UUID or a name; a kind with `*` for all of it; a bare UUID; `*`. Subjects: `key:` with a UUID or
// a name, `user:`, `group:X` = `AccessGroupId-X` = `X`, `*`. Pure functions; the results borrow
// from what they are given. Any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "control/config.h"

namespace weir {

enum class PolicyKind : uint8_t { kModel, kProvider, kBalancer, kAnyUuid, kEverything };

struct PolicyResource {
  PolicyKind kind = PolicyKind::kEverything;
  std::string_view name;  // "*": all of that kind
  bool operator==(const PolicyResource&) const = default;
};
// Nothing: no resource has that form.
[[nodiscard]] std::optional<PolicyResource> policy_resource_parse(std::string_view text);

[[nodiscard]] bool policy_is_uuid(std::string_view text);

enum class SubjectKind : uint8_t { kEveryone, kKey, kUser, kGroup };

struct PolicySubject {
  SubjectKind kind = SubjectKind::kEveryone;
  std::string_view name = {};
  bool operator==(const PolicySubject&) const = default;
  auto operator<=>(const PolicySubject&) const = default;
};
// Nothing: it names nobody.
[[nodiscard]] std::optional<PolicySubject> policy_subject_parse(std::string_view text);

// Who asks, as policies see it.
struct PolicyCaller {
  std::string tenant = kDefaultTenant;
  std::string key_uuid = {}, key_name = {};
  std::string user = {};                 // empty: none
  std::vector<std::string> groups = {};  // with or without "group:" and "AccessGroupId-"
  bool admin = false;
};
[[nodiscard]] PolicyCaller policy_caller_of(const KeyConfig& key);
// Every subject that stands for the caller; the first is kEveryone.
[[nodiscard]] std::vector<PolicySubject> policy_subjects_of(const PolicyCaller& caller);

// A thing that is managed, by all the names that a policy may give it. A model also answers to the
// names of its provider.
struct PolicyThing {
  PolicyKind kind = PolicyKind::kModel;
  std::string_view uuid = {};
  std::string_view name = {};           // a provider's; a balancer's, which its alias is as well
  std::string_view alias = {};          // a model's or a balancer's
  std::string_view place = {};          // a model's provider/id
  std::string_view provider_uuid = {};  // of a model
  std::string_view provider_name = {};
  // A balancer that lists its backends: clients call it as a model, so `model:ALIAS` names it too.
  bool lists_backends = false;
};
[[nodiscard]] bool policy_names(const PolicyResource& resource, const PolicyThing& object);

// Management needs an admin's key, whatever policies allow; what is left to them is to refuse: true
// when a `write` policy with effect `deny` names both the admin and the object (or, for a new one,
// the provider it will belong to). Policies, keys and limits are no resources, so an admin can
// always take a policy back.
[[nodiscard]] bool policy_denies_write(std::span<const PolicyConfig> policies,
                                       const PolicyCaller& caller, const PolicyThing& object);

}  // namespace weir
