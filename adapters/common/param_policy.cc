#include "adapters/common/param_policy.h"

#include <algorithm>
#include <charconv>

#include "adapters/common/arena_text.h"
#include "adapters/common/json_walk.h"
#include "json/json_write.h"
#include "route/target.h"

namespace weir {

namespace {

// What a reply's header may hold of names that the client made up.
constexpr size_t kMaxNameBytes = 64;
constexpr size_t kMaxNamesBytes = 1024;

constexpr Field kOwnFields[] = {Field::kModel, Field::kStream, Field::kStreamOptions,
                                Field::kRouter, Field::kCache};

bool is_own(const RequestView& view, const Member& member) {
  return std::any_of(std::begin(kOwnFields), std::end(kOwnFields), [&](Field field) {
    return view.present(field) && view.member(field).key.begin == member.key.begin;
  });
}

bool is_number(std::string_view text, double* out) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), *out);
  return error == std::errc() && end == text.data() + text.size();
}

bool is_neutral(std::string_view value, const ParamRule& rule) {
  if (value == "null") return true;
  if (rule.neutral.empty()) return false;
  if (value == rule.neutral) return true;
  double a = 0;
  double b = 0;
  return is_number(value, &a) && is_number(rule.neutral, &b) && !(a < b) && !(b < a);
}

bool names_hold(std::string_view list, std::string_view name) {
  while (!list.empty()) {
    const size_t comma = std::min(list.find(','), list.size());
    if (json_trim(list.substr(0, comma)) == name) return true;
    list.remove_prefix(std::min(comma + 1, list.size()));
  }
  return false;
}

// The name as a header's value and a message may hold it.
std::string_view name_shown(std::string_view name, Arena& arena) {
  const std::string_view kept = name.substr(0, kMaxNameBytes);
  const auto plain = [](char c) { return c > 0x20 && c < 0x7f && c != ',' && c != '"'; };
  if (kept.size() == name.size() && std::all_of(name.begin(), name.end(), plain)) return name;
  char* text = arena.allocate(kept.size());
  std::transform(kept.begin(), kept.end(), text, [&](char c) { return plain(c) ? c : '?'; });
  return {text, kept.size()};
}

std::unexpected<Error> unsupported(Call& call, std::string_view name, std::string_view why,
                                   std::string_view advice) {
  const std::string_view shown = name_shown(name, call.arena);
  ArenaText text(call.arena, 256);
  text.add("the provider ").add(call.target.provider->name).add(" cannot be sent `").add(shown);
  text.add("`");
  if (!why.empty()) text.add(": ").add(why);
  text.add("; ").add(advice);
  return std::unexpected(Error{Errc::kUnsupportedParameter, text.view(), call.arena.copy(shown)});
}

class Applier {
 public:
  Applier(Call& call, std::span<const ParamRule> rules, ParamAction unknown, BodyEdits* edits)
      : call_(call), rules_(rules), other_{{}, unknown, {}, {}}, edits_(edits) {
    if (edits == nullptr) return;
    pass_ = call.target.provider->option("pass_params");
    drop_ = call.target.provider->option("drop_params");
  }

  Result<void> member(std::string_view key, std::string_view value, const Member& at) {
    const std::string_view name =
        key.find('\\') == key.npos
            ? key
            : json_unquote(call_.request.body.substr(at.key.begin, at.key.size()), call_.arena);
    const ParamRule& rule = rule_of(name);
    ParamAction action = rule.action;
    if (!drop_.empty() && names_hold(drop_, name)) action = ParamAction::kDrop;
    if (!pass_.empty() && names_hold(pass_, name)) action = ParamAction::kPass;
    if (action == ParamAction::kPass || action == ParamAction::kMapped) return {};
    if (!is_neutral(value, rule)) {
      if (action == ParamAction::kRefuse) return param_refuse(call_, name, rule.why);
      if (auto dropped = param_drop(call_, name, rule.why); !dropped) return dropped;
    }
    if (edits_ != nullptr) edits_->remove(at);
    return {};
  }

 private:
  const ParamRule& rule_of(std::string_view name) const {
    const auto found = std::find_if(rules_.begin(), rules_.end(),
                                    [&](const ParamRule& rule) { return rule.name == name; });
    return found == rules_.end() ? other_ : *found;
  }

  Call& call_;
  std::span<const ParamRule> rules_;
  ParamRule other_;
  BodyEdits* edits_;
  std::string_view pass_;
  std::string_view drop_;
};

}  // namespace

Result<void> params_apply(Call& call, std::span<const ParamRule> rules, ParamAction unknown,
                          BodyEdits* edits) {
  Applier applier(call, rules, unknown, edits);
  BodyMembers members(call.request);
  while (members.next()) {
    if (is_own(call.request, members.member())) continue;
    auto done = applier.member(members.key(), members.value(), members.member());
    if (!done) return done;
  }
  return {};
}

bool params_option_known(std::string_view name) {
  return name == "pass_params" || name == "drop_params";
}

Result<void> param_drop(Call& call, std::string_view name, std::string_view why) {
  if (call.strict_params) {
    return unsupported(call, name, why,
                       "leave it out, or switch strict_params off to have that done");
  }
  const std::string_view shown = name_shown(name, call.arena);
  if (names_hold(call.dropped_params, shown)) return {};
  if (call.dropped_params.size() + shown.size() >= kMaxNamesBytes) return {};
  ArenaText text(call.arena, call.dropped_params.size() + shown.size() + 2);
  if (!call.dropped_params.empty()) text.add(call.dropped_params).add(", ");
  call.dropped_params = text.add(shown).view();
  return {};
}

std::unexpected<Error> param_refuse(Call& call, std::string_view name, std::string_view why) {
  return unsupported(call, name, why, "leave it out, or ask a model that knows it");
}

}  // namespace weir
