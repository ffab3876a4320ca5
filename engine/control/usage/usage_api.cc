#include "control/usage/usage_api.h"

#include <algorithm>
#include <charconv>
#include <expected>

#include "control/api/api_answer.h"
#include "control/query.h"
#include "control/usage/usage_query.h"
#include "json/json_write.h"

namespace weir {

namespace {

constexpr int64_t kLastSecond = 253'402'300'799;  // of the year 9999
constexpr std::string_view kCursorMark = "b";
constexpr std::string_view kTypes[] = {"completion", "embedding", "moderation", "image"};

struct Refusal {
  std::string param, message;
};
template <typename T>
using Read = std::expected<T, Refusal>;

std::unexpected<Refusal> refuse(std::string_view param, std::string_view message) {
  return std::unexpected(Refusal{std::string(param), std::string(message)});
}

template <typename Use>
void list_each(std::string_view list, Use use) {
  for (;;) {
    const size_t end = std::min(list.find(','), list.size());
    use(list.substr(0, end));
    if (end == list.size()) return;
    list.remove_prefix(end + 1);
  }
}

bool number_read(std::string_view text, int64_t* out) {
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), *out);
  return problem == std::errc() && end == text.data() + text.size();
}

// The parameters of one call as they are read; query() makes sense of them together.
class Parameters {
 public:
  [[nodiscard]] Read<void> read(std::string_view text) {
    Read<void> done;
    QueryMembers members(text);
    while (done && members.next()) done = member(members.name(), members.value());
    return done;
  }

  [[nodiscard]] Read<UsageQuery> query(int64_t now_unix_s) const {
    UsageQuery out = query_;
    out.end_s = end_s_ >= 0 ? end_s_ : now_unix_s + 1;
    const int64_t last = out.end_s - 1 - (out.end_s - 1) % out.width_s;
    const int64_t earliest = last - (int64_t{out.limit} - 1) * out.width_s;
    out.start_s = start_s_ >= 0 ? start_s_ : std::max<int64_t>(earliest, 0);
    if (out.start_s >= out.end_s) return refuse("end_time", "end_time must be after start_time");
    if (page_s_ < 0) return out;
    if (page_s_ % out.width_s != 0 || page_s_ >= out.end_s) {
      return refuse("page", "page is from another query");
    }
    out.start_s = std::max(out.start_s, page_s_);
    return out;
  }

 private:
  Read<void> member(std::string_view name, std::string_view value) {
    if (name.ends_with("[]")) name.remove_suffix(2);  // how some clients write lists
    if (name == "start_time") return time_read(name, value, &start_s_);
    if (name == "end_time") return time_read(name, value, &end_s_);
    if (name == "bucket_width") return width_read(value);
    if (name == "group_by") return groups_read(value);
    if (name == "usage_types") return types_read(value);
    if (name == "limit") return limit_read(value);
    if (name == "page") return page_read(value);
    return {};  // such as `version`, which some clients always send
  }

  static Read<void> time_read(std::string_view name, std::string_view value, int64_t* out) {
    if (number_read(value, out) && *out >= 0 && *out <= kLastSecond) return {};
    return refuse(name, std::string(name) + " must be a Unix time in seconds");
  }

  Read<void> width_read(std::string_view value) {
    if (value != "1m" && value != "1h" && value != "1d") {
      return refuse("bucket_width", "bucket_width must be 1m, 1h or 1d");
    }
    query_.width_s = value == "1m" ? 60 : value == "1h" ? 3'600 : 86'400;
    return {};
  }

  Read<void> groups_read(std::string_view value) {
    Read<void> done;
    list_each(value, [&](std::string_view name) {
      const UsageGroup* group = usage_group_named(name);
      const auto& known = query_.groups;
      if (group == nullptr) {
        done = refuse("group_by", "group_by must be of model, user_uuid, service_provider, "
                                  "usage_type, load_balancer_alias, key, provider, alias, target, "
                                  "tenant");
      } else if (std::find(known.begin(), known.end(), group) == known.end()) {
        query_.groups.push_back(group);
      }
    });
    return done;
  }

  Read<void> types_read(std::string_view value) {
    Read<void> done;
    list_each(value, [&](std::string_view name) {
      if (std::find(std::begin(kTypes), std::end(kTypes), name) == std::end(kTypes)) {
        done = refuse("usage_types",
                      "usage_types must be of completion, embedding, moderation, image");
      } else if (std::find(query_.types.begin(), query_.types.end(), name) ==
                 query_.types.end()) {
        query_.types.emplace_back(name);
      }
    });
    return done;
  }

  Read<void> limit_read(std::string_view value) {
    int64_t limit = 0;
    if (!number_read(value, &limit) || limit < 1 || limit > 100) {
      return refuse("limit", "limit must be from 1 to 100");
    }
    query_.limit = static_cast<uint32_t>(limit);
    return {};
  }

  Read<void> page_read(std::string_view value) {
    const bool marked = value.starts_with(kCursorMark);
    if (marked) value.remove_prefix(kCursorMark.size());
    if (marked && number_read(value, &page_s_) && page_s_ >= 0 && page_s_ <= kLastSecond) return {};
    return refuse("page", "page must be the next_page of an earlier answer");
  }

  UsageQuery query_;
  int64_t start_s_ = -1, end_s_ = -1, page_s_ = -1;
};

void number_add(std::string* out, std::string_view name, int64_t value) {
  *out += ",\"";
  out->append(name).append("\":");
  append_number(out, value);
}

void text_add(std::string* out, std::string_view name, std::string_view value) {
  *out += ",\"";
  out->append(name).append("\":");
  if (value.empty()) {
    *out += "null";
  } else {
    json_append_string(out, value);
  }
}

// Nano-dollars as dollars, exactly.
void cost_add(std::string* out, int64_t nano) {
  constexpr int64_t kNano = 1'000'000'000;
  number_add(out, "cost", nano / kNano);
  std::string fraction = std::to_string(nano % kNano + kNano).substr(1);
  fraction.erase(fraction.find_last_not_of('0') + 1);
  if (!fraction.empty()) *out += "." + fraction;
}

void sources_add(std::string* out, const std::array<int64_t, 4>& tokens) {
  constexpr std::string_view kNames[] = {"none", "provider", "counted", "estimated"};
  *out += ",\"tokens_by_source\":{";
  for (size_t source = 1; source < tokens.size(); ++source) {
    if (source > 1) *out += ",";
    *out += "\"" + std::string(kNames[source]) + "\":";
    append_number(out, tokens[source]);
  }
  *out += "}";
}

void result_add(std::string* out, const UsageResult& result, const UsageQuery& query) {
  const UsageSums& sums = result.sums;
  const auto add = [&](std::string_view name, UsageField field) {
    number_add(out, name, sums[field]);
  };
  *out += R"({"object":"usage.result")";
  add("input_tokens", UsageField::kPrompt);
  add("output_tokens", UsageField::kCompletion);
  number_add(out, "total_tokens", sums[UsageField::kPrompt] + sums[UsageField::kCompletion]);
  add("input_cached_tokens", UsageField::kCached);
  add("output_reasoning_tokens", UsageField::kReasoning);
  sources_add(out, result.tokens);
  number_add(out, "num_model_requests",
             sums[UsageField::kCompleted] + sums[UsageField::kFailed] +
                 sums[UsageField::kCancelled]);
  add("num_completed_requests", UsageField::kCompleted);
  add("num_failed_requests", UsageField::kFailed);
  add("num_cancelled_requests", UsageField::kCancelled);
  add("num_refused_requests", UsageField::kRefused);
  add("num_attempts", UsageField::kAttempts);
  // Where nothing had a price a cost of 0 would be a false statement.
  if (sums[UsageField::kPriced] > 0 || sums[UsageField::kUnpriced] == 0) {
    cost_add(out, sums[UsageField::kCost]);
  }
  add("num_unpriced_requests", UsageField::kUnpriced);
  for (size_t i = 0; i < query.groups.size(); ++i) {
    text_add(out, query.groups[i]->name, result.names[i]);
    if (query.groups[i]->name == "key") text_add(out, "key_name", result.key_name);
  }
  *out += "}";
}

std::string page_json(const UsagePage& page, const UsageQuery& query) {
  std::string out = R"({"object":"page","data":[)";
  for (const UsageBucket& bucket : page.buckets) {
    if (!out.ends_with('[')) out += ",";
    out += R"({"object":"bucket")";
    number_add(&out, "start_time", bucket.start_s);
    number_add(&out, "end_time", bucket.start_s + query.width_s);
    out += ",\"results\":[";
    for (const UsageResult& result : bucket.results) {
      if (!out.ends_with('[')) out += ",";
      result_add(&out, result, query);
    }
    out += "]}";
  }
  out += page.next_s ? "],\"has_more\":true,\"next_page\":\"" + std::string(kCursorMark) +
                           std::to_string(*page.next_s) + "\"}"
                     : "],\"has_more\":false,\"next_page\":null}";
  return out;
}

void unavailable(ManagementCall& call) {
  api_fail(call, 503, "usage_unavailable",
           "The usage store cannot be written or read at the moment; no number is lost.");
}

}  // namespace

void usage_answer(UsageStore& store, ManagementCall& call, bool own, int64_t now_unix_s) {
  Parameters parameters;
  const auto refused = [&call](const Refusal& why) {
    api_refuse(call, why.message, why.param);
  };
  if (const auto read = parameters.read(call.query); !read) return refused(read.error());
  auto query = parameters.query(now_unix_s);
  if (!query) return refused(query.error());
  query->tenant = call.tenant;
  if (own) query->key_id = call.key_id;
  if (!store.flush()) return unavailable(call);
  store.long_read_begin();
  const auto page = usage_query(store, *query);
  store.long_read_end();
  if (!page) return unavailable(call);
  if (page->too_many) {
    return api_refuse(call, "group_by gives too many results in one bucket; name fewer groups",
                      "group_by");
  }
  api_reply(call, 200, page_json(*page, *query));
}

}  // namespace weir
