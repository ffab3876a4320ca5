#include "control/api/available_models.h"

#include <algorithm>
#include <vector>

#include "base/arena.h"
#include "base/check.h"
#include "control/api/api_answer.h"
#include "control/api/api_json.h"

namespace weir {

namespace {

constexpr size_t kMaxPageBytes = 16 << 20;
constexpr uint32_t kPageTimeoutMs = 15'000;

// The head that an adapter wrote, as a call of Outbound: its path and its fields, but for those
// that Outbound sets itself. False: it is no head.
bool head_split(const Provider& place, std::string_view head, OutboundRequest* out) {
  const size_t line = head.find("\r\n");
  const size_t path = head.find(' ');
  if (line == std::string_view::npos || path >= line) return false;
  const size_t end = head.find(' ', path + 1);
  if (end == std::string_view::npos || end >= line) return false;
  out->url = (place.tls ? "https://" : "http://") + place.authority +
             std::string(head.substr(path + 1, end - path - 1));
  for (std::string_view rest = head.substr(line + 2); !rest.empty();) {
    const size_t stop = std::min(rest.find("\r\n"), rest.size());
    const std::string_view field = rest.substr(0, stop);
    rest.remove_prefix(std::min(stop + 2, rest.size()));
    const size_t colon = field.find(": ");
    if (colon == std::string_view::npos) continue;
    const std::string name(field.substr(0, colon));
    std::string folded = name;
    for (char& c : folded) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c;
    if (folded == "host" || folded == "content-type" || folded == "accept-encoding") continue;
    out->headers.emplace_back(name, field.substr(colon + 2));
  }
  return true;
}

void connection_fill(const Provider& provider, OutboundRequest* out) {
  out->ca_pem = provider.ca_pem;
  out->proxy_host = provider.proxy_host;
  out->proxy_port = provider.proxy_port;
  out->proxy_authorization = provider.proxy_authorization;
  out->deny_private = provider.deny_private;
}

}  // namespace

struct AvailableModels::Listing {
  Listing() = default;
  ~Listing() { delete call; }  // of a listing that was dropped with its Outbound
  Listing(const Listing&) = delete;
  Listing& operator=(const Listing&) = delete;

  std::shared_ptr<const Provider> provider;
  ManagementCall* call = nullptr;
  std::string token, cursor;
  size_t pages = 0, models = 0;
  JsonList list;
};

void AvailableModels::start(std::shared_ptr<const Provider> provider, ManagementCall* call) {
  const auto listing = std::make_shared<Listing>();
  listing->call = call;
  listing->provider = std::move(provider);
  if (in_flight_ >= kMaxCalls) {
    api_fail(*call, 503, "overloaded", "Too many model lists are being read; try again.");
    return answer_(call);
  }
  ++in_flight_;
  // One that answers by itself has nobody to ask; clients take null for "cannot say".
  if (listing->provider->adapter->local) {
    api_reply(*call, 200, R"({"object":"list","data":null})");
    return finish(listing);
  }
  if (listing->provider->adapter->token_request != nullptr) return token_ask(listing);
  page_ask(listing);
}

void AvailableModels::finish(const ListingPtr& listing) {
  ManagementCall* call = std::exchange(listing->call, nullptr);
  WEIR_CHECK(call != nullptr && in_flight_ > 0);
  --in_flight_;
  answer_(call);
}

void AvailableModels::fail(const ListingPtr& listing, int status, std::string_view code,
                           std::string message) {
  api_fail(*listing->call, status, code, std::move(message));
  finish(listing);
}

void AvailableModels::token_ask(const ListingPtr& listing) {
  const Adapter& adapter = *listing->provider->adapter;
  TokenRequest wanted;
  if (const auto asked = adapter.token_request(*listing->provider, &wanted); !asked) {
    return fail(listing, 502, "upstream_auth_failed", std::string(asked.error().message));
  }
  OutboundRequest request;
  request.url = std::move(wanted.url);
  request.headers = std::move(wanted.headers);
  request.body = std::move(wanted.body);
  connection_fill(*listing->provider, &request);
  outbound_.start(std::move(request), [this, listing, &adapter](const OutboundReply& reply) {
    if (reply.status == 0) {
      return fail(listing, 502, "upstream_unavailable",
                  "The provider's token could not be had: " + reply.error);
    }
    Token token;
    const auto read = adapter.token_reply(reply.status, reply.body, unix_now_ms(), &token);
    if (!read) {
      return fail(listing, 502, "upstream_auth_failed", std::string(read.error().message));
    }
    listing->token = std::move(token.value);
    page_ask(listing);
  });
}

void AvailableModels::page_ask(const ListingPtr& listing) {
  const Provider& provider = *listing->provider;
  const Adapter& adapter = *provider.adapter;
  ListRequest wanted;
  Result<void> made;
  if (adapter.list_request != nullptr) {
    made = adapter.list_request({provider, unix_now_ms(), listing->token, listing->cursor},
                                &wanted);
  } else {
    // The head of a chat, with another line.
    const auto prepare = adapter.prepare != nullptr ? adapter.prepare : defaults_.prepare;
    WEIR_CHECK(prepare != nullptr);
    made = prepare({provider, {}, Endpoint::kChat}, &wanted.head);
    const size_t line = std::min(wanted.head.find("\r\n"), wanted.head.size());
    wanted.head.replace(0, line, "GET " + provider.base_path + "/models HTTP/1.1");
  }
  if (!made && made.error().code == Errc::kUnsupportedEndpoint) {
    api_reply(*listing->call, 200, R"({"object":"list","data":null})");
    return finish(listing);
  }
  if (!made) {
    return fail(listing, 400, "invalid_request_error",
                "The provider's models cannot be listed: " + std::string(made.error().message));
  }
  const bool elsewhere = wanted.second_place && provider.second != nullptr;
  const Provider& place = elsewhere ? *provider.second : provider;
  OutboundRequest request;
  request.is_get = true;
  request.timeout_ms = kPageTimeoutMs;
  request.max_body = kMaxPageBytes;
  connection_fill(provider, &request);
  if (!head_split(place, wanted.head, &request)) {
    return fail(listing, 500, "internal_error", "The provider's model list cannot be asked for.");
  }
  ++listing->pages;
  outbound_.start(std::move(request), [this, listing](const OutboundReply& reply) {
    page_read(listing, reply);
  });
}

void AvailableModels::page_read(const ListingPtr& listing, const OutboundReply& reply) {
  if (reply.status == 0) {
    return fail(listing, 502, "upstream_unavailable",
                "The provider could not be asked for its models: " + reply.error);
  }
  if (reply.status == 401 || reply.status == 403) {
    return fail(listing, 502, "upstream_auth_failed",
                "The provider refused the credential (" + std::to_string(reply.status) +
                    ") when asked for its models.");
  }
  if (reply.status != 200) {
    return fail(listing, 502, "upstream_error",
                "The provider answered " + std::to_string(reply.status) +
                    " when asked for its models.");
  }
  const Adapter& adapter = *listing->provider->adapter;
  const auto read = adapter.list_models != nullptr ? adapter.list_models : defaults_.list_models;
  WEIR_CHECK(read != nullptr);
  Arena arena;
  std::vector<ModelName> names(kMaxModels - listing->models);
  std::string_view cursor;
  const auto count = read(reply.body, arena, names, &cursor);
  if (!count) {
    return fail(listing, 502, "upstream_error", std::string(count.error().message));
  }
  for (size_t i = 0; i < *count; ++i) {
    listing->list.add(JsonObject()
                          .text("id", names[i].id)
                          .text("object", "model")
                          .number("created", names[i].created)
                          .text("owned_by", names[i].owned_by.empty()
                                                ? std::string_view(listing->provider->type)
                                                : names[i].owned_by)
                          .take());
  }
  listing->models += *count;
  const bool again = !cursor.empty() && cursor != listing->cursor &&
                     listing->pages < kMaxPages && listing->models < kMaxModels;
  if (again) {
    listing->cursor = cursor;
    return page_ask(listing);
  }
  api_reply(*listing->call, 200, listing->list.take());
  finish(listing);
}

}  // namespace weir
