// rate_limits, keys and policies: who may do what, and how much of it.
#include <algorithm>
#include <charconv>

#include "control/config_read.h"
#include "control/config_units.h"

namespace weir {

namespace {

void bucket_read(ConfigReader& limit, std::string_view field, std::optional<BucketConfig>* out) {
  const ConfigNode* node = limit.take(field);
  if (node == nullptr) return;
  ConfigReader reader(limit.context(), *node, limit.path_of(field));
  BucketConfig bucket;
  constexpr uint64_t kMost = uint64_t{1} << 53;  // exact in every JSON reader
  if (reader.need("amount") != nullptr) reader.get_count("amount", 0, kMost, &bucket.amount);
  if (reader.need("capacity") != nullptr) reader.get_count("capacity", 0, kMost, &bucket.capacity);
  if (const ConfigNode* duration = reader.need("duration");
      duration != nullptr && reader.expect_scalar(*duration, "duration", "a duration")) {
    const auto ns = duration_parse_ns(duration->text);
    if (!ns || *ns <= 0) {
      reader.error(*duration, "duration", "needs to be a duration above zero, such as 1s or 1m");
    } else {
      bucket.duration_ns = *ns;
    }
  }
  reader.finish();
  *out = bucket;
}

bool is_sha256(std::string_view text) {
  return text.size() == 64 && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
  });
}

// Seconds since 1970 of "2026-01-31" or "2026-01-31T10:00:00Z", or a plain number of them.
std::optional<int64_t> time_parse(std::string_view text) {
  const auto number = [&](size_t at, size_t length) {
    int value = -1;
    if (at + length > text.size()) return -1;
    const char* end = text.data() + at + length;
    const auto [next, error] = std::from_chars(text.data() + at, end, value);
    return error == std::errc{} && next == end ? value : -1;
  };
  int64_t plain = 0;
  const char* end = text.data() + text.size();
  if (const auto [next, error] = std::from_chars(text.data(), end, plain);
      error == std::errc{} && next == end && plain > 0) {
    return plain;
  }
  const bool has_time = text.size() == 20 && text[10] == 'T' && text[13] == ':' &&
                        text[16] == ':' && text[19] == 'Z';
  if ((text.size() != 10 && !has_time) || text[4] != '-' || text[7] != '-') return std::nullopt;
  const int year = number(0, 4), month = number(5, 2), day = number(8, 2);
  const int hour = has_time ? number(11, 2) : 0, minute = has_time ? number(14, 2) : 0;
  const int second = has_time ? number(17, 2) : 0;
  if (year < 1970 || month < 1 || month > 12 || day < 1 || day > 31) return std::nullopt;
  if (hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0 || second > 59) {
    return std::nullopt;
  }
  // Days of the civil calendar, with years that begin in March.
  const int64_t y = month <= 2 ? year - 1 : year;
  const int64_t in_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
  const int64_t days = 365 * y + y / 4 - y / 100 + y / 400 + in_year - 719'468;
  return ((days * 24 + hour) * 60 + minute) * 60 + second;
}

}  // namespace

void rate_limit_read(ConfigContext& context, const ConfigNode& node, std::string path,
                     RateLimitConfig* out) {
  ConfigReader limit(context, node, std::move(path));
  int scope = -1;
  if (limit.need("type") != nullptr) {
    scope = limit.get_choice("type", {"tenant", "key", "provider", "model"});
  }
  static constexpr std::string_view kSubjects[] = {"", "key", "provider", "model"};
  for (int i = 1; i < 4; ++i) {
    const ConfigNode* subject = limit.take(kSubjects[i]);
    if (subject == nullptr && i == scope) {
      limit.error_here("a limit of this type needs the field \"" + std::string(kSubjects[i]) +
                           "\"",
                       std::string(kSubjects[i]));
    } else if (subject != nullptr && scope >= 0 && i != scope) {
      limit.error(*subject, kSubjects[i], "does not belong to a limit of this type");
    } else if (subject != nullptr) {
      limit.get_name(kSubjects[i], &out->subject);
    }
  }
  if (scope >= 0) out->scope = static_cast<LimitScope>(scope);
  limit.get_name("tenant", &out->tenant);
  bucket_read(limit, "request", &out->request);
  bucket_read(limit, "token", &out->token);
  if (!out->request && !out->token) limit.error_here("needs a request or a token bucket");
  limit.finish();
}

void key_read(ConfigContext& context, const ConfigNode& node, std::string path, KeyConfig* out) {
  ConfigReader key(context, node, std::move(path));
  if (key.need("name") != nullptr) key.get_name("name", &out->name);
  key.get_name("tenant", &out->tenant);
  const ConfigNode* clear = key.take("key");
  const ConfigNode* digest = key.take("sha256");
  if ((clear == nullptr) == (digest == nullptr)) {
    key.error_here("needs either the field \"key\" or the field \"sha256\"");
  }
  key.get_secret("key", &out->key);
  if (digest != nullptr && key.expect_scalar(*digest, "sha256", "64 hexadecimal digits")) {
    if (!is_sha256(digest->text)) {
      key.error(*digest, "sha256", "needs to be 64 hexadecimal digits");
    } else {
      for (const char c : digest->text) out->sha256 += static_cast<char>(c | 0x20);
    }
  }
  if (const int role = key.get_choice("role", {"user", "admin"}); role >= 0) {
    out->role = role == 0 ? Role::kUser : Role::kAdmin;
  }
  if (const int choice = key.get_choice("environment", {kProduction, kSandbox}); choice >= 0) {
    out->environment = choice == 0 ? kProduction : kSandbox;
  }
  key.get_name("user", &out->user);
  key.get_names("groups", &out->groups);
  key.get_names("models", &out->models);
  if (const ConfigNode* models = key.take("models");
      models != nullptr && models->kind == ConfigNode::Kind::kList && models->items.empty()) {
    key.error(*models, "models", "is empty; \"*\" stands for all models");
  }
  if (const ConfigNode* expires = key.take("expires_at");
      expires != nullptr && key.expect_scalar(*expires, "expires_at", "a time")) {
    if (const auto time = time_parse(expires->text)) {
      out->expires_unix_s = *time;
    } else {
      key.error(*expires, "expires_at",
                "needs to be a time such as 2030-01-31 or 2030-01-31T12:00:00Z");
    }
  }
  key.finish();
}

void policy_read(ConfigContext& context, const ConfigNode& node, std::string path,
                 PolicyConfig* out) {
  ConfigReader policy(context, node, std::move(path));
  static constexpr const char* kActions[] = {"read", "write"};
  static constexpr const char* kEffects[] = {"allow", "deny"};
  if (policy.need("action") != nullptr) {
    if (const int i = policy.get_choice("action", {"read", "write"}); i >= 0) {
      out->action = kActions[i];
    }
  }
  if (const int i = policy.get_choice("effect", {"allow", "deny"}); i >= 0) {
    out->effect = kEffects[i];
  }
  if (policy.need("resource") != nullptr) policy.get_name("resource", &out->resource);
  if (policy.need("subject") != nullptr) policy.get_name("subject", &out->subject);
  policy.get_name("tenant", &out->tenant);
  policy.finish();
}

}  // namespace weir
