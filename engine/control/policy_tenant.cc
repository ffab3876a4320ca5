#include "control/policy_tenant.h"

#include <algorithm>
#include <array>

#include "base/check.h"

namespace weir {

namespace {

// `subjects` may be many, a caller is few.
bool hits(const PolicySubjects& subjects, const PolicySubjects& caller) {
  return !subjects.empty() && std::any_of(caller.begin(), caller.end(), [&](uint32_t number) {
    return std::binary_search(subjects.begin(), subjects.end(), number);
  });
}

// The key of an index that finds ids in either spelling; policy_names() then compares exactly.
std::string folded(std::string_view name) {
  std::string out(name);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c | 0x20);
  }
  return out;
}

void sort_unique(std::vector<uint32_t>* numbers) {
  std::sort(numbers->begin(), numbers->end());
  numbers->erase(std::unique(numbers->begin(), numbers->end()), numbers->end());
}

}  // namespace

void PolicyTenant::policies_clear() {
  everything_ = {};
  about_all_.clear();
  by_name_.clear();
  subjects_.clear();
  subject_list_.clear();
  everywhere_.clear();
  texts_.clear();
}

void PolicyTenant::policy_add(const PolicyConfig& policy) {
  const auto subject = policy_subject_parse(policy.subject);
  const auto resource = policy_resource_parse(policy.resource);
  if (!subject || !resource) return;  // refused when it was read
  const uint32_t number = subject_number(*subject);
  const bool deny = policy.effect == "deny";
  if (resource->kind == PolicyKind::kEverything) {
    (deny ? everything_.deny : everything_.allow).push_back(number);
    everywhere_[number] = true;
    return;
  }
  const PolicyResource kept{resource->kind, texts_.emplace_back(resource->name)};
  const Statement statement{kept, number, deny};
  if (resource->name == "*") {
    about_all_.push_back(statement);
    everywhere_[number] = true;
  } else {
    by_name_[folded(resource->name)].push_back(statement);
  }
}

void PolicyTenant::policies_done() {
  sort_unique(&everything_.allow);
  sort_unique(&everything_.deny);
  touched_.assign(subjects_.size(), {});
  for (Thing& thing : things_) {
    if (thing.holders != 0) thing.rules = rules_of(thing_of(thing));
  }
  for (View& view : views_) view_rule(&view);
  bases_.clear();
  stale_.clear();
}

uint32_t PolicyTenant::subject_number(const PolicySubject& subject) {
  if (const auto found = subjects_.find(subject); found != subjects_.end()) return found->second;
  const auto number = static_cast<uint32_t>(subjects_.size());
  const PolicySubject kept{subject.kind, texts_.emplace_back(subject.name)};
  subjects_.emplace(kept, number);
  subject_list_.push_back(kept);
  everywhere_.push_back(false);
  return number;
}

PolicyThing PolicyTenant::thing_of(const Thing& thing) {
  const auto& ends = thing.ends;
  const std::string_view text = thing.text;
  return {.kind = thing.kind,
          .uuid = text.substr(0, ends[0]),
          .name = text.substr(ends[0], ends[1] - ends[0]),
          .alias = text.substr(ends[1], ends[2] - ends[1]),
          .place = text.substr(ends[2], ends[3] - ends[2]),
          .lists_backends = thing.lists_backends};
}

uint32_t PolicyTenant::provider_hold(const Provider& provider) {
  if (last_provider_ != kNone && things_[last_provider_].holders != 0) {
    const PolicyThing last = thing_of(things_[last_provider_]);
    if (last.kind == PolicyKind::kProvider && last.uuid == provider.uuid &&
        last.name == provider.name) {
      ++things_[last_provider_].holders;
      return last_provider_;
    }
  }
  last_provider_ = thing_hold(
      {.kind = PolicyKind::kProvider, .uuid = provider.uuid, .name = provider.name});
  return last_provider_;
}

uint32_t PolicyTenant::thing_hold(const PolicyThing& thing) {
  const uint64_t hash = texts_hash({thing.uuid, thing.name});  // that is enough to differ by
  const auto same = [&](uint32_t number) {
    const PolicyThing other = thing_of(things_[number]);
    return other.kind == thing.kind && other.uuid == thing.uuid && other.name == thing.name &&
           other.alias == thing.alias && other.place == thing.place &&
           other.lists_backends == thing.lists_backends;
  };
  uint32_t number = thing_index_.find(hash, same);
  if (number == HashIndex::kNone) {
    if (free_things_.empty()) {
      free_things_.push_back(static_cast<uint32_t>(things_.size()));
      things_.emplace_back();
    }
    number = free_things_.back();
    free_things_.pop_back();
    thing_index_.insert(hash, number);
    Thing& made = things_[number];
    made = {.kind = thing.kind, .lists_backends = thing.lists_backends, .text = {}, .hash = hash,
            .rules = rules_of(thing)};
    const std::array<std::string_view, 4> names = {thing.uuid, thing.name, thing.alias,
                                                   thing.place};
    made.text.reserve(names[0].size() + names[1].size() + names[2].size() + names[3].size());
    for (size_t i = 0; i < names.size(); ++i) {
      made.text += names[i];
      made.ends[i] = static_cast<uint32_t>(made.text.size());
    }
  }
  ++things_[number].holders;
  return number;
}

void PolicyTenant::thing_drop(uint32_t number) {
  Thing& thing = things_[number];
  WEIR_CHECK(thing.holders > 0);
  if (--thing.holders != 0) return;
  thing_index_.erase(thing.hash, number);
  thing = {};
  free_things_.push_back(number);
}

PolicyTenant::Rules PolicyTenant::rules_of(const PolicyThing& thing) const {
  Rules rules;
  const auto take = [&](const std::vector<Statement>& statements) {
    for (const Statement& one : statements) {
      if (!policy_names(one.resource, thing)) continue;
      (one.deny ? rules.deny : rules.allow).push_back(one.subject);
    }
  };
  take(about_all_);
  if (!by_name_.empty()) {
    for (const std::string_view name : {thing.uuid, thing.name, thing.alias, thing.place}) {
      const auto found = name.empty() ? by_name_.end() : by_name_.find(folded(name));
      if (found != by_name_.end()) take(found->second);
    }
  }
  sort_unique(&rules.allow);
  sort_unique(&rules.deny);
  return rules;
}

uint8_t PolicyTenant::environment_number(std::string_view name) {
  for (size_t i = 0; i < environments_.size(); ++i) {
    if (environments_[i] == name) return static_cast<uint8_t>(i);
  }
  environments_.emplace_back(name);
  WEIR_CHECK(environments_.size() <= UINT8_MAX);
  return static_cast<uint8_t>(environments_.size() - 1);
}

template <typename Visit>
void PolicyTenant::each_member(const View& view, Visit visit) {
  if (view.first.model != kNone) visit(view.first);
  std::for_each(view.others.begin(), view.others.end(), visit);
}

template <typename Visit>
void PolicyTenant::each_thing(const View& view, Visit visit) const {
  if (view.balancer != kNone) visit(view.balancer);
  each_member(view, [&](const Member& member) {
    visit(member.model);
    visit(member.provider);
  });
}

template <typename Visit>
void PolicyTenant::each_subject(const View& view, Visit visit) const {
  each_thing(view, [&](uint32_t number) {
    const Rules& rules = things_[number].rules;
    for (const PolicySubjects* subjects : {&rules.allow, &rules.deny}) {
      for (const uint32_t subject : *subjects) {
        if (!everywhere_[subject]) visit(subject);
      }
    }
  });
}

void PolicyTenant::view_rule(View* view) {
  view->ruled = false;
  each_thing(*view, [&](uint32_t number) { view->ruled |= !things_[number].rules.empty(); });
  if (!view->ruled) return;
  each_subject(*view, [&](uint32_t subject) { touched_[subject].insert(view->slot); });
}

void PolicyTenant::route_add(const Route& route, const RouteDraft& draft) {
  View view;
  view.slot = route.slot;
  view.targets = static_cast<uint32_t>(route.targets.size());
  view.environment = environment_number(route.environment);
  if (const auto& balancer = draft.balancer) {
    view.balancer = thing_hold({.kind = PolicyKind::kBalancer,
                                .uuid = balancer->uuid,
                                .name = balancer->name,
                                .alias = route.name,
                                .lists_backends = balancer->lists_backends});
  }
  view.first.model = kNone;
  for (const auto& [model, target] : draft.models) {
    const Provider& provider = *route.targets[target].provider;
    // The model without the names of its provider: that one has rules of its own.
    place_.assign(model->provider).append("/").append(model->id);
    const uint32_t thing = thing_hold({.kind = PolicyKind::kModel,
                                       .uuid = model->uuid,
                                       .alias = model->alias,
                                       .place = place_});
    const Member member{target, thing, provider_hold(provider)};
    if (view.first.model == kNone) {
      view.first = member;
    } else {
      view.others.push_back(member);
    }
  }
  view_rule(&view);
  stale_.push_back(route.slot);
  if (places_.size() <= route.slot) {
    places_.resize(std::max<size_t>(route.slot + 1, 2 * places_.size()), kNone);
  }
  WEIR_CHECK(places_[route.slot] == kNone);
  places_[route.slot] = static_cast<uint32_t>(views_.size());
  views_.push_back(std::move(view));
}

void PolicyTenant::route_drop(uint32_t slot) {
  if (view(slot) == nullptr) return;
  View& gone = views_[places_[slot]];
  stale_.push_back(slot);
  each_subject(gone, [&](uint32_t subject) { touched_[subject].erase(slot); });
  each_thing(gone, [&](uint32_t number) { thing_drop(number); });
  if (&gone != &views_.back()) {
    gone = std::move(views_.back());
    places_[gone.slot] = places_[slot];
  }
  places_[slot] = kNone;
  views_.pop_back();
}

const PolicyTenant::View* PolicyTenant::view(uint32_t slot) const {
  const uint32_t place = slot < places_.size() ? places_[slot] : kNone;
  return place < views_.size() && views_[place].slot == slot ? &views_[place] : nullptr;
}

PolicySubjects PolicyTenant::subjects_of(const PolicyCaller& caller) const {
  PolicySubjects out;
  for (const PolicySubject& subject : policy_subjects_of(caller)) {
    const auto found = subjects_.find(subject);
    if (found != subjects_.end()) out.push_back(found->second);
  }
  sort_unique(&out);
  return out;
}

std::string PolicyTenant::text_of(const PolicySubjects& subjects) const {
  std::vector<PolicySubject> sorted;
  for (const uint32_t number : subjects) sorted.push_back(subject_list_[number]);
  std::sort(sorted.begin(), sorted.end());
  std::string text;
  for (const PolicySubject& subject : sorted) {
    text += std::to_string(static_cast<int>(subject.kind)) + ":" +
            std::to_string(subject.name.size()) + ":" + std::string(subject.name);
  }
  return text;
}

PolicySubjects PolicyTenant::everyone() const {
  const auto found = subjects_.find({});
  if (found == subjects_.end()) return {};
  return {found->second};
}

const Access& PolicyTenant::base(bool admin, std::string_view environment) {
  const auto [at, is_new] = bases_.try_emplace({std::string(environment), admin});
  if (is_new) {
    const PolicySubjects caller = everyone();
    for (const View& view : views_) judge(view, caller, admin, environment, &at->second);
  }
  return at->second;
}

Access PolicyTenant::access(const PolicySubjects& caller, bool admin,
                            std::string_view environment) {
  std::vector<uint32_t> slots;  // that may differ
  for (const uint32_t number : caller) {
    if (subject_list_[number].kind == SubjectKind::kEveryone) continue;
    if (everywhere_[number]) {
      slots.clear();
      for (const View& view : views_) slots.push_back(view.slot);
      break;
    }
    slots.insert(slots.end(), touched_[number].begin(), touched_[number].end());
  }
  sort_unique(&slots);
  Access out = Access::copy_without(base(admin, environment), slots);
  judge(slots, caller, admin, environment, &out);
  return out;
}

const std::vector<uint32_t>& PolicyTenant::stale() {
  sort_unique(&stale_);
  return stale_;
}

void PolicyTenant::settled() {
  for (auto& [key, base] : bases_) {
    base = Access::copy_without(base, stale());
    judge(stale(), everyone(), key.second, key.first, &base);
  }
  stale_.clear();
}

// The three rules of policy_table.h.
bool PolicyTenant::permitted(const View& view, const Member& member, const PolicySubjects& caller,
                             bool admin) const {
  static const Rules kNoRules;
  const std::array<const Rules*, 3> things = {
      &things_[member.model].rules, &things_[member.provider].rules,
      view.balancer == kNone ? &kNoRules : &things_[view.balancer].rules};
  bool denied = hits(everything_.deny, caller);
  for (const Rules* thing : things) denied |= hits(thing->deny, caller);
  if (denied) return false;
  if (admin || hits(everything_.allow, caller)) return true;
  bool granted = false;
  for (const Rules* thing : things) {
    if (thing->allow.empty()) continue;
    if (!hits(thing->allow, caller)) return false;
    granted = true;
  }
  return granted || everything_.allow.empty();
}

void PolicyTenant::judge(const View& view, const PolicySubjects& caller, bool admin,
                         std::string_view environment, Access* out) const {
  if (!view.ruled && everything_.empty()) return;
  if (environments_[view.environment] != environment) return;
  TargetSet excluded;
  for (uint32_t i = 0; i < view.targets; ++i) excluded.set(i);
  each_member(view, [&](const Member& member) {
    if (excluded[member.target] && permitted(view, member, caller, admin)) {
      excluded.reset(member.target);
    }
  });
  if (excluded.none()) return;
  if (excluded.count() == view.targets) return out->deny(view.slot);
  out->narrow(view.slot, excluded);
}

void PolicyTenant::judge(const std::vector<uint32_t>& slots, const PolicySubjects& caller,
                         bool admin, std::string_view environment, Access* out) const {
  for (const uint32_t slot : slots) {
    if (const View* known = view(slot)) judge(*known, caller, admin, environment, out);
  }
}

}  // namespace weir
