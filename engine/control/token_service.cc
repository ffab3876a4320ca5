#include "control/token_service.h"

#include <algorithm>

namespace weir {

namespace {

// A token is renewed after four fifths of its life, and no longer used shortly before its end.
constexpr int64_t kRenewPart = 5;
constexpr int64_t kLastPart = 20;
constexpr int64_t kMostUnusedMs = 30'000;
// Between two exchanges for the same reason.
constexpr int64_t kPauseMs = 500;
constexpr int64_t kMaxPauseMs = 30'000;
constexpr uint32_t kMaxDoublings = 6;

}  // namespace

void TokenService::configure(std::span<const std::shared_ptr<const Provider>> providers) {
  std::vector<std::shared_ptr<const Provider>> now(slots_.size());
  for (const auto& provider : providers) {
    const uint32_t slot = provider->token_slot;
    if (slot == kNoSlot) continue;
    if (now.size() <= slot) now.resize(slot + 1);
    now[slot] = provider;
  }
  slots_.resize(now.size());
  for (uint32_t slot = 0; slot < now.size(); ++slot) give(slot, std::move(now[slot]));
}

void TokenService::give(uint32_t index, std::shared_ptr<const Provider> provider) {
  Slot& slot = slots_[index];
  if (provider == nullptr) {
    slot.token = {};
  } else if (slot.provider == nullptr) {
    // Perhaps another's. Who still waits for the former one hears that it is gone.
    slot.message = "the provider was taken out of the configuration";
    tell_all(index);
    Slot fresh;
    fresh.generation = slot.generation;
    fresh.owner = slot.owner + 1;
    slot = std::move(fresh);
  }
  slot.provider = std::move(provider);
}

void TokenService::ask(TokenCall* call, int64_t unix_ms) {
  const std::unique_ptr<TokenCall> owned(call);
  if (slots_.size() <= call->slot) slots_.resize(call->slot + 1);
  Slot& slot = slots_[call->slot];
  if (std::find(slot.asked.begin(), slot.asked.end(), call->worker) == slot.asked.end()) {
    slot.asked.push_back(call->worker);
  }
  const bool usable = slot.generation > call->refused && slot.usable_until_unix_ms > unix_ms &&
                      !slot.token.value.empty();
  if (slot.provider == nullptr) {
    fail(slot, Errc::kUpstreamUnavailable, "the provider was taken out of the configuration",
         unix_ms);
    return tell(call->worker, call->slot, false);
  }
  // After a failure, or where the token that replaced a refused one is refused at once: what is
  // known is said again for a while.
  const bool again = call->refused != 0 && unix_ms < slot.replaced_unix_ms + kPauseMs;
  if (usable || (!slot.in_flight && (again || unix_ms < slot.not_before_unix_ms))) {
    return tell(call->worker, call->slot, usable || slot.message.empty());
  }
  if (call->refused != 0) slot.replaced_unix_ms = unix_ms;
  slot.waiting.push_back(call->worker);
  if (!slot.in_flight) exchange(call->slot, unix_ms);
}

void TokenService::tick(int64_t unix_ms) {
  for (uint32_t i = 0; i < slots_.size(); ++i) {
    const Slot& slot = slots_[i];
    const bool due = slot.provider != nullptr && slot.generation != 0 && !slot.in_flight &&
                     unix_ms >= slot.renew_at_unix_ms && unix_ms >= slot.not_before_unix_ms;
    if (due) exchange(i, unix_ms);
  }
}

void TokenService::exchange(uint32_t index, int64_t unix_ms) {
  Slot& slot = slots_[index];
  const Provider& provider = *slot.provider;
  TokenRequest wanted;
  if (const auto asked = provider.adapter->token_request(provider, &wanted); !asked) {
    fail(slot, asked.error().code, std::string(asked.error().message), unix_ms);
    return tell_all(index);
  }
  ++exchanges_;
  slot.in_flight = true;
  OutboundRequest request;
  request.url = std::move(wanted.url);
  request.headers = std::move(wanted.headers);
  request.body = std::move(wanted.body);
  request.ca_pem = provider.ca_pem;
  request.proxy_host = provider.proxy_host;
  request.proxy_port = provider.proxy_port;
  request.proxy_authorization = provider.proxy_authorization;
  request.deny_private = provider.deny_private;
  constexpr size_t kMaxAnswer = 256 * 1024;
  request.max_body = kMaxAnswer;
  outbound_->start(std::move(request), [this, index, owner = slot.owner](
                                           const OutboundReply& reply) {
    if (slots_[index].owner == owner) finish(index, reply);
  });
}

void TokenService::fail(Slot& slot, Errc problem, std::string message, int64_t unix_ms) {
  slot.problem = problem;
  slot.message = std::move(message);
  slot.failures = std::min(slot.failures + 1, kMaxDoublings);
  slot.not_before_unix_ms = unix_ms + std::min(kPauseMs << slot.failures, kMaxPauseMs);
}

void TokenService::finish(uint32_t index, const OutboundReply& reply) {
  Slot& slot = slots_[index];
  slot.in_flight = false;
  const int64_t now = unix_now_ms();
  if (slot.provider == nullptr || reply.status == 0) {
    fail(slot, Errc::kUpstreamUnavailable,
         "the provider's token could not be had: " + reply.error, now);
    return tell_all(index);
  }
  Token token;
  const auto read = slot.provider->adapter->token_reply(reply.status, reply.body, now, &token);
  if (!read) {
    fail(slot, read.error().code, std::string(read.error().message), now);
    return tell_all(index);
  }
  const int64_t life = std::max<int64_t>(token.expires_unix_ms - now, 0);
  slot.usable_until_unix_ms = token.expires_unix_ms - std::min(life / kLastPart, kMostUnusedMs);
  slot.renew_at_unix_ms = token.expires_unix_ms - life / kRenewPart;
  slot.not_before_unix_ms = 0;
  slot.failures = 0;
  slot.message.clear();
  slot.token = std::move(token);
  ++slot.generation;
  tell_all(index);
}

void TokenService::tell(WorkerLink* worker, uint32_t index, bool good) {
  const Slot& slot = slots_[index];
  auto* news = new TokenNews();
  news->slot = index;
  if (good) {
    news->generation = slot.generation;
    news->value = slot.token.value;
    news->usable_until_unix_ms = slot.usable_until_unix_ms;
  } else {
    news->problem = slot.problem;
    news->message = slot.message;
  }
  worker->tokens.push(news);
  worker->wake(worker);
}

// A new token is for all that ever asked; a failure only for those that wait, since the old token
// of the others may still be good.
void TokenService::tell_all(uint32_t index) {
  Slot& slot = slots_[index];
  const bool good = slot.message.empty();
  for (WorkerLink* worker : good ? slot.asked : slot.waiting) tell(worker, index, good);
  slot.waiting.clear();
}

}  // namespace weir
