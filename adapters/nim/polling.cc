#include "adapters/nim/polling.h"

#include <algorithm>

#include "adapters/common/arena_text.h"
#include "adapters/common/stream_repair.h"
#include "route/target.h"

namespace weir {

namespace {

constexpr std::string_view kStatusUrl = "https://api.nvcf.nvidia.com/v2/nvcf/pexec/status";
constexpr uint32_t kFirstWaitMs = 500;
constexpr uint32_t kNextWaitMs = 1000;
constexpr size_t kMaxId = 128;

struct Polling {
  std::string_view id;  // in the attempt's arena
  uint32_t polls;
  bool waited;
};
static_assert(kStreamRepairBytes % alignof(Polling) == 0);
static_assert(kStreamRepairBytes + sizeof(Polling) <= sizeof(AdapterState));

Polling* polling_of(Call& call) {
  return reinterpret_cast<Polling*>(call.state.bytes.data() + kStreamRepairBytes);
}

// It becomes a part of a path.
bool is_id(std::string_view id) {
  return !id.empty() && id.size() <= kMaxId && std::all_of(id.begin(), id.end(), [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' ||
           c == '_';
  });
}

// Another target may still answer.
Result<void> give_up(std::string_view message, Step* step) {
  step->kind = StepKind::kFail;
  step->error = UpstreamError{};
  step->error.message = message;
  return {};
}

void field_add(ArenaText* head, std::string_view name, std::string_view value) {
  head->add(name).add(": ").add(value).add("\r\n");
}

// The fields of the prepared head, for a GET at the other host.
std::string_view status_head(Call& call, const Provider& place, std::string_view id) {
  ArenaText head(call.arena, 1024);
  head.add("GET ").add(place.base_path).add("/").add(id).add(" HTTP/1.1\r\n");
  field_add(&head, "Host", place.authority);
  std::string_view rest = call.target.heads[endpoint_index(call.endpoint)];
  rest.remove_prefix(std::min(rest.find('\n') + 1, rest.size()));
  while (!rest.empty()) {
    const std::string_view line = rest.substr(0, std::min(rest.find('\n') + 1, rest.size()));
    rest.remove_prefix(line.empty() ? rest.size() : line.size());
    if (line.starts_with("Host: ") || line.starts_with("Content-Type: ")) continue;
    head.add(line);
  }
  return head.view();
}

}  // namespace

std::string nim_status_url(const Provider& provider) {
  if (const std::string_view own = provider.option("status_url"); !own.empty()) {
    return std::string(own);
  }
  const std::string_view host = provider.host;
  const bool hosted = host == "api.nvidia.com" || host.ends_with(".api.nvidia.com");
  return hosted ? std::string(kStatusUrl) : std::string();
}

Result<void> polling_next(Call& call, Step* step) {
  Polling* polling = polling_of(call);
  const Provider* place = call.target.provider->second.get();
  if (place == nullptr) {
    return give_up("the provider answered 202, and there is no status_url to ask again", step);
  }
  if (!polling->waited) {
    const std::string_view id = call.reply->field("nvcf-reqid");
    if (!id.empty() && !is_id(id)) return give_up("the provider's request id is no id", step);
    if (!id.empty()) polling->id = call.arena.copy(id);
    if (polling->id.empty()) {
      return give_up("the provider answered 202 without a request id", step);
    }
    polling->waited = true;
    step->kind = StepKind::kWait;
    step->wait_ms = polling->polls++ == 0 ? kFirstWaitMs : kNextWaitMs;
    return {};
  }
  polling->waited = false;
  step->kind = StepKind::kSend;
  step->request.head = status_head(call, *place, polling->id);
  step->request.body.clear();
  step->request.is_get = true;
  step->request.second_place = true;
  return {};
}

}  // namespace weir
