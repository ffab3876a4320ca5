// What the configuration of a watsonx.ai provider says: version, project or space, how it is
// authorized, and the request heads that follow from these.
//
// settings_read() only views the provider and costs a few comparisons; settings_check() and
// head_prepare() run on the control thread and may allocate. Pure.
#pragma once

#include <string>
#include <string_view>

#include <weir/adapter.h>

namespace weir::watsonx {

enum class Auth : uint8_t {
  kNone,    // no key, or the user's own Authorization header
  kIam,     // a token of IBM Cloud for the API key
  kCpd,     // a token of an installation on premises for a user and its key
  kZen,     // user and key in each request
  kBearer,  // the key is the token
};

struct Settings {
  Auth auth = Auth::kNone;
  std::string_view version;     // a date
  std::string_view project_id;  // at most one of these two is set
  std::string_view space_id;
  std::string_view username;
  // Sent when the client sets no cap on chat output; 0 stands for the model's maximum, -1 for none.
  int64_t default_max_tokens = 0;
  [[nodiscard]] bool needs_token() const { return auth == Auth::kIam || auth == Auth::kCpd; }
};

[[nodiscard]] Settings settings_read(const Provider& provider);
// kConfig for an option that is unknown or has a value that cannot be.
[[nodiscard]] Result<void> settings_check(const Provider& provider);

// `deployment/ID` names a deployment; the ID, or empty for a model.
[[nodiscard]] std::string_view deployment_of(std::string_view model);
// The path of base_url without a closing `/ml/v1`, which is added to it.
[[nodiscard]] std::string_view root_path(const Provider& provider);
// A project's or space's id: 1 to 128 bytes, none of them a control character.
[[nodiscard]] bool is_scope_id(std::string_view text);

// prepare() of the table. The head lacks Accept and, where a token is needed, Authorization.
[[nodiscard]] Result<void> head_prepare(const PrepareInput& input, std::string* head);
// The head to send: the prepared one, for a stream if the request asks for one, with the token.
[[nodiscard]] std::string_view head_complete(Call& call, const Settings& settings);

// The member of a body that says what is charged: `"project_id":"..."` or `"space_id":"..."`, the
// client's if it sent one, else the configured one; empty for a deployment, which knows. In the
// arena. kInvalidField when the client's cannot be one.
[[nodiscard]] Result<std::string_view> scope_member(Call& call, const Settings& settings);
// True when the client named the project or space itself.
[[nodiscard]] bool scope_is_clients(const Call& call);

}  // namespace weir::watsonx
