// GET /v1/models and /v1/models/{name}: what the caller may use, from the snapshot.
#include <algorithm>
#include <vector>

#include "json/json_write.h"
#include "proxy/exchange.h"
#include "proxy/reply.h"
#include "proxy/worker.h"
#include "route/access.h"

namespace weir {

namespace {

constexpr std::string_view kJson = "application/json";

struct Seen {
  const Route* route = nullptr;
  const ListedModel* model = nullptr;  // null: the route itself, which no model goes by
  [[nodiscard]] uint64_t rank() const { return model != nullptr ? model->rank : 0; }
};

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// A name is the only part of a path that is percent-decoded, and only after the match.
std::string percent_decoded(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    const bool escape = text[i] == '%' && i + 2 < text.size() && hex_digit(text[i + 1]) >= 0 &&
                        hex_digit(text[i + 2]) >= 0;
    if (!escape) {
      out += text[i];
      continue;
    }
    out += static_cast<char>(hex_digit(text[i + 1]) * 16 + hex_digit(text[i + 2]));
    i += 2;
  }
  return out;
}

// A name of a load balancer whose models go by other names; there is no object to show.
void append_route(std::string* out, const Route& route) {
  *out += "{\"object\":\"model\",\"id\":";
  json_append_string(out, route.name);
  *out += ",\"created\":";
  append_number(out, route.created_unix_s);
  *out += ",\"owned_by\":\"weir\"}";
}

void append(std::string* out, const Seen& seen) {
  if (seen.model == nullptr) return append_route(out, *seen.route);
  *out += seen.model->json;
}

bool sees_route(const Principal& who, const Route& route) {
  for (size_t i = 0; i < route.targets.size(); ++i) {
    if (may_see(who, route, i)) return true;
  }
  return false;
}

// Calls use(Seen) for everything that the caller sees.
template <typename Use>
void seen_each(const Snapshot& snapshot, const Principal& who, Use use) {
  for (const auto& route : snapshot.routes()) {
    if (route->tenant != who.tenant || route->environment != who.environment) continue;
    for (const ListedModel& model : route->listed) {
      if (may_see(who, *route, model.target)) use(Seen{route.get(), &model});
    }
    if (route->is_alias && route->listed.empty() && sees_route(who, *route)) {
      use(Seen{route.get(), nullptr});
    }
  }
}

// The newest first; what is equally old by its name.
bool newer(const Seen& a, const Seen& b) {
  if (a.rank() != b.rank()) return a.rank() > b.rank();
  return a.route->name < b.route->name;
}

// By uuid, then by whatever name can be called.
bool seen_find(const Snapshot& snapshot, const Principal& who, std::string_view name, Seen* out) {
  bool found = false;
  seen_each(snapshot, who, [&](const Seen& seen) {
    if (seen.model == nullptr || seen.model->uuid != name) return;
    *out = seen;
    found = true;
  });
  if (found) return true;
  const Route* route = snapshot.find_route(who.tenant, who.environment, name);
  if (route == nullptr || !sees_route(who, *route)) return false;
  *out = {route, nullptr};
  for (const ListedModel& model : route->listed) {
    if (!may_see(who, *route, model.target)) continue;
    *out = {route, &model};
    return true;
  }
  // It is another name of a model that goes by its alias.
  for (size_t i = 0; i < route->targets.size() && out->model == nullptr; ++i) {
    if (!may_see(who, *route, i)) continue;
    seen_each(snapshot, who, [&](const Seen& seen) {
      if (seen.model != nullptr && seen.model->uuid == route->targets[i].uuid) *out = seen;
    });
  }
  return true;
}

}  // namespace

void reply_models(Exchange* ex) {
  std::vector<Seen> seen;
  seen_each(*ex->worker->snapshot(), *ex->principal, [&](const Seen& one) { seen.push_back(one); });
  std::sort(seen.begin(), seen.end(), newer);
  std::string text = "{\"object\":\"list\",\"data\":[";
  for (const Seen& one : seen) {
    if (text.back() != '[') text += ',';
    append(&text, one);
  }
  reply_body(ex, 200, kJson, text + "]}");
}

void reply_model(Exchange* ex) {
  const std::string name = percent_decoded(ex->match.rest);
  Seen seen{};
  if (!seen_find(*ex->worker->snapshot(), *ex->principal, name, &seen)) {
    return reply_error(ex, error_of({Errc::kModelNotFound, "there is no model of that name; "
                                                           "GET /v1/models lists what there is",
                                     "model"}));
  }
  std::string text;
  append(&text, seen);
  reply_body(ex, 200, kJson, text);
}

}  // namespace weir
