#include "adapters/anthropic/head.h"

#include <algorithm>

#include "adapters/anthropic/models.h"
#include "adapters/common/json_walk.h"
#include "adapters/common/openai_request.h"
#include "json/json_write.h"
#include "route/target.h"

namespace weir {

namespace {

constexpr std::string_view kVersion = "2023-06-01";
constexpr std::string_view kTokenPrefix = "sk-ant-oat";
constexpr std::string_view kPageSize = "1000";

bool has_header(const Provider& provider, std::string_view lower) {
  const auto same = [](char a, char b) {
    return (a >= 'A' && a <= 'Z' ? static_cast<char>(a + 32) : a) == b;
  };
  return std::any_of(provider.headers.begin(), provider.headers.end(), [&](const auto& header) {
    return std::equal(header.first.begin(), header.first.end(), lower.begin(), lower.end(), same);
  });
}

// API keys have a field of their own; tokens of an account go as usual.
bool is_bearer(const Provider& provider) {
  const std::string_view auth = provider.option("auth");
  if (auth == "bearer" || auth == "x-api-key") return auth == "bearer";
  return provider.credential.starts_with(kTokenPrefix);
}

// The base may be given with or without the version of the path.
std::string path_of(const Provider& provider, std::string_view rest) {
  const bool versioned = provider.base_path.ends_with("/v1");
  return provider.base_path + (versioned ? "" : "/v1") + std::string(rest);
}

// The common head, with the fields that are different here added as if they were the user's.
Result<std::string> head_make(const Provider& provider, std::string_view model,
                              std::string_view method, const std::string& path) {
  std::string head;
  const PrepareInput plain{provider, model, Endpoint::kChat};
  // Once as it is, so that everything in it is checked.
  if (auto checked = openai_prepare(plain, &head); !checked) {
    return std::unexpected(checked.error());
  }
  Provider own = provider;
  const bool has_key = has_header(provider, "x-api-key") || has_header(provider, "authorization");
  if (!own.credential.empty() && !has_key && !is_bearer(provider)) {
    own.headers.insert(own.headers.begin(), {"x-api-key", own.credential});
  }
  if (has_key || !is_bearer(provider)) own.credential.clear();
  if (!has_header(provider, "anthropic-version")) {
    own.headers.insert(own.headers.begin(), {"anthropic-version", std::string(kVersion)});
  }
  const PrepareInput input{own, model, Endpoint::kChat};
  if (auto prepared = openai_prepare(input, &head); !prepared) {
    return std::unexpected(prepared.error());
  }
  std::string result(method);
  result.append(" ").append(path).append(" HTTP/1.1");
  return result.append(head, head.find("\r\n"));
}

// As the value of a query; ids are made of letters, digits and a few marks.
std::string query_encode(std::string_view text) {
  static constexpr char kHex[] = "0123456789ABCDEF";
  static constexpr std::string_view kMarks = "-._~";
  std::string encoded;
  for (const char c : text) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       kMarks.find(c) != std::string_view::npos;
    if (plain) {
      encoded.push_back(c);
      continue;
    }
    const auto byte = static_cast<unsigned char>(c);
    encoded.push_back('%');
    encoded.push_back(kHex[byte >> 4]);
    encoded.push_back(kHex[byte & 15]);
  }
  return encoded;
}

// Days since 1970 of a date of the proleptic Gregorian calendar.
int64_t days_of(int64_t year, int64_t month, int64_t day) {
  const int64_t y = month <= 2 ? year - 1 : year;
  const int64_t era = y / 400;
  const int64_t year_of_era = y - era * 400;
  const int64_t shifted = month > 2 ? month - 3 : month + 9;
  const int64_t day_of_year = (153 * shifted + 2) / 5 + day - 1;
  return era * 146097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year -
         719468;
}

// Seconds since 1970 of "2025-02-19T00:00:00Z"; 0 when it is something else. A zone other than UTC
// is not read, since nobody sends one.
int64_t timestamp_read(std::string_view text) {
  if (text.size() < 20 || text[4] != '-' || text[7] != '-' || text[10] != 'T') return 0;
  const auto number = [&](size_t at, size_t count) {
    return json_integer(text.substr(at, count), -1);
  };
  const int64_t year = number(0, 4);
  const int64_t month = number(5, 2);
  const int64_t day = number(8, 2);
  if (year < 1970 || month < 1 || month > 12 || day < 1 || day > 31) return 0;
  if (number(11, 2) < 0 || number(14, 2) < 0 || number(17, 2) < 0) return 0;
  const int64_t seconds = number(11, 2) * 3600 + number(14, 2) * 60 + number(17, 2);
  return days_of(year, month, day) * 86400 + seconds;
}

}  // namespace

Result<void> anthropic_prepare(const PrepareInput& input, std::string* head) {
  if (auto checked = options_check(input.provider); !checked) return checked;
  auto made = head_make(input.provider, input.model, "POST", path_of(input.provider, "/messages"));
  if (!made) return std::unexpected(made.error());
  *head = std::move(*made);
  return {};
}

Result<void> anthropic_list_request(const ListInput& input, ListRequest* out) {
  std::string path = path_of(input.provider, "/models?limit=");
  path.append(kPageSize);
  if (!input.cursor.empty()) path.append("&after_id=").append(query_encode(input.cursor));
  auto made = head_make(input.provider, {}, "GET", path);
  if (!made) return std::unexpected(made.error());
  out->head = std::move(*made);
  return {};
}

Result<size_t> anthropic_list_models(std::string_view body, Arena& arena, std::span<ModelName> out,
                                     std::string_view* cursor) {
  *cursor = {};
  const std::string_view list = json_member(body, "data");
  if (!json_is_array(list)) {
    return std::unexpected(
        Error{Errc::kUpstreamUnavailable, "the model list has no array `data`", {}});
  }
  size_t count = 0;
  bool more = json_member(body, "has_more") == "true";
  JsonElements models(list);
  while (models.next()) {
    const std::string_view id = json_member(models.value(), "id");
    if (json_inner(id).empty()) continue;
    if (count == out.size()) {
      more = true;
      break;
    }
    ModelName& name = out[count++];
    name.id = json_unquote(id, arena);
    name.owned_by = "anthropic";
    name.created = timestamp_read(json_inner(json_member(models.value(), "created_at")));
  }
  if (models.failed()) {
    return std::unexpected(Error{Errc::kUpstreamUnavailable, "the model list is no JSON", {}});
  }
  // What was read last is where to go on, also when the page held more than there was room for.
  if (more && count != 0) *cursor = out[count - 1].id;
  return count;
}

}  // namespace weir
