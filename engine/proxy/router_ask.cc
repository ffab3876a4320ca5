#include "proxy/router_ask.h"

#include <charconv>

#include "adapters/common/json_walk.h"
#include "json/text.h"

namespace weir {

namespace {

using Refusal = std::unexpected<Error>;

Refusal refuse(std::string_view param, std::string_view message) {
  return Refusal(Error{Errc::kInvalidField, message, param});
}

// The plain text of a string token. False: it is none, or has an escape that stands for nothing.
bool plain_text(std::string_view token, Arena& arena, std::string_view* out) {
  if (!json_is_string(token)) return false;
  const std::string_view raw = json_inner(token);
  *out = raw;
  if (raw.find('\\') == std::string_view::npos) return !raw.empty();
  char* to = arena.allocate(raw.size());
  const Unescaped plain = unescape_json(raw, LoneSurrogate::kRefuse, to);
  *out = {to, plain.size};
  return plain.ok && plain.size != 0;
}

template <size_t N>
bool read_names(std::string_view list, Arena& arena, std::array<std::string_view, N>* names,
                size_t* count) {
  JsonElements elements(list);
  while (elements.next()) {
    if (*count == N || !plain_text(elements.value(), arena, &(*names)[*count])) return false;
    ++*count;
  }
  return json_is_array(list) && !elements.failed();
}

bool read_number(std::string_view token, double* out) {
  const auto [end, error] = std::from_chars(token.data(), token.data() + token.size(), *out);
  return error == std::errc{} && end == token.data() + token.size();
}

Result<void> read_models(std::string_view value, Arena& arena, RouterAsk* out) {
  static_assert(RouterAsk::kMaxModels == 16, "said below");
  if (read_names(value, arena, &out->models, &out->model_count)) return {};
  return refuse("router.models", "\"router.models\" must be a list of at most 16 names of models");
}

Result<void> read_families(std::string_view value, Arena& arena, RouterAsk* out) {
  static_assert(RouterAsk::kMaxFamilies == 16, "said below");
  if (json_is_string(value)) {
    out->family_count = 1;
    if (plain_text(value, arena, &out->families[0])) return {};
  } else if (read_names(value, arena, &out->families, &out->family_count)) {
    return {};
  }
  return refuse("router.family_model",
                "\"router.family_model\" must be a list of at most 16 model families");
}

Result<void> read_optimization(std::string_view value, RouterAsk* out) {
  out->by_cost = value == "\"cost\"";
  if (out->by_cost || value == "\"efficacy\"") return {};
  return refuse("router.optimization", "\"router.optimization\" must be \"cost\" or \"efficacy\"");
}

Result<void> read_max_cost(std::string_view value, RouterAsk* out) {
  if (read_number(value, &out->max_cost) && out->max_cost >= 0) return {};
  return refuse("router.max_cost",
                "\"router.max_cost\" must be a number, 0 or more: US dollars for 1000 tokens");
}

// Weir has no measure of quality: the value is checked, and the order of the candidates stays.
Result<void> check_tradeoff(std::string_view value) {
  double number = -1;
  if (read_number(value, &number) && number >= 0 && number <= 1) return {};
  return refuse("router.quality_tradeoff",
                "\"router.quality_tradeoff\" must be a number from 0 to 1");
}

Result<void> read_region(std::string_view value, Arena& arena, RouterAsk* out) {
  if (plain_text(value, arena, &out->region)) return {};
  return refuse("router.region", "\"router.region\" must be the name of a region");
}

Result<void> read_router(std::string_view object, Arena& arena, RouterAsk* out,
                         std::string_view* cache) {
  if (!json_is_object(object)) return refuse("router", "\"router\" must be an object");
  JsonMembers members(object);
  while (members.next()) {
    const std::string_view key = members.key();
    const std::string_view value = members.value();
    if (json_is_none(value)) continue;
    Result<void> read;
    if (key == "models") {
      read = read_models(value, arena, out);
    } else if (key == "optimization") {
      read = read_optimization(value, out);
    } else if (key == "max_cost") {
      read = read_max_cost(value, out);
    } else if (key == "family_model") {
      read = read_families(value, arena, out);
    } else if (key == "region") {
      read = read_region(value, arena, out);
    } else if (key == "quality_tradeoff") {
      read = check_tradeoff(value);
    } else if (key == "cache") {
      *cache = value;
    }
    if (!read) return read;
  }
  out->wanted = out->model_count != 0 || out->family_count != 0 || !out->region.empty() ||
                out->max_cost >= 0 || out->by_cost;
  return {};
}

Result<void> read_cache(std::string_view object, CacheAsk* out) {
  if (!json_is_object(object)) return refuse("cache", "\"cache\" must be an object");
  JsonMembers members(object);
  while (members.next()) {
    const std::string_view value = members.value();
    if (json_is_none(value)) continue;
    if (members.key() == "enabled") {
      if (value != "true" && value != "false") {
        return refuse("cache.enabled", "\"cache.enabled\" must be true or false");
      }
      out->enabled = value == "true";
    } else if (members.key() == "threshold") {
      double threshold = 0;
      if (!read_number(value, &threshold) || threshold <= 0 || threshold > 1) {
        return refuse("cache.threshold",
                      "\"cache.threshold\" must be a number above 0, up to 1");
      }
    } else if (members.key() == "filter") {
      if (!json_is_object(value)) {
        return refuse("cache.filter", "\"cache.filter\" must be an object");
      }
      out->filter = value;
    }
  }
  return {};
}

}  // namespace

Result<void> extensions_read(const RequestView& view, Arena& arena, RouterAsk* router,
                             CacheAsk* cache) {
  std::string_view inner;
  const std::string_view asked = view.value(Field::kRouter);
  if (!json_is_none(asked)) {
    if (auto read = read_router(asked, arena, router, &inner); !read) return read;
  }
  const std::string_view outer = view.value(Field::kCache);
  const std::string_view object = json_is_none(outer) ? inner : outer;
  return json_is_none(object) ? Result<void>() : read_cache(object, cache);
}

}  // namespace weir
