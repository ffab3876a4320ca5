#include "proxy/token_wait.h"

#include "base/check.h"
#include "proxy/reply.h"
#include "proxy/worker.h"

namespace weir {

namespace {

TokenTable::Entry& entry_of(Worker* worker, uint32_t slot) {
  auto& entries = worker->tokens.entries;
  if (slot >= entries.size()) entries.resize(slot + 1);
  return entries[slot];
}

void ask(Worker* worker, TokenTable::Entry* entry, uint32_t slot, uint64_t refused) {
  if (entry->asked) return;
  entry->asked = true;
  auto* call = new TokenCall();
  call->worker = worker->link;
  call->slot = slot;
  call->refused = refused;
  worker->control->tokens.push(call);
  worker->control->wake(worker->control);
}

void fail(Exchange* ex, const TokenNews& news) {
  UpstreamError error = error_of({news.problem, news.message});
  if (news.problem == Errc::kUpstreamAuth) error.fault = Fault::kCredential;
  exchange_attempt_failed(ex, error);
}

// One that goes on may ask again at once and is then behind all that wait now.
void serve_waiters(Worker* worker, const TokenNews& news) {
  List<Exchange, &Exchange::token_node> served;
  worker->tokens.waiters.for_each([&served, &news](Exchange* ex) {
    if (ex->target->provider->token_slot != news.slot) return;
    ex->token_node.unlink();
    served.push_back(ex);
  });
  while (Exchange* ex = served.pop_front()) {
    if (news.value.empty()) {
      fail(ex, news);
    } else {
      ex->token_generation = news.generation;
      exchange_run_adapter(ex);
    }
  }
}

}  // namespace

std::string_view token_of(const Exchange* ex) {
  if (ex->token_generation == 0) return {};
  return ex->worker->tokens.entries[ex->target->provider->token_slot].value;
}

uint64_t token_known(const Exchange* ex) {
  const uint32_t slot = ex->target->provider->token_slot;
  const auto& entries = ex->worker->tokens.entries;
  if (slot >= entries.size()) return 0;
  return entries[slot].usable_until_unix_ms > ex->worker->unix_ms ? entries[slot].generation : 0;
}

bool token_take(Exchange* ex, bool refused) {
  Worker* worker = ex->worker;
  const uint32_t slot = ex->target->provider->token_slot;
  TokenTable::Entry& entry = entry_of(worker, slot);
  const bool same = refused && entry.generation == ex->token_generation;
  if (!same && entry.generation != 0 && entry.usable_until_unix_ms > worker->unix_ms) {
    ex->token_generation = entry.generation;
    return true;
  }
  ask(worker, &entry, slot, same ? entry.generation : 0);
  ex->state = ExchangeState::kCredential;
  worker->tokens.waiters.push_back(ex);
  worker->wheel.arm(&ex->deadline, worker->now_ms + kTokenWaitMs);
  return false;
}

void token_forget_waiter(Exchange* ex) { ex->token_node.unlink(); }

void token_take_news(Worker* worker) {
  for (TokenNews* news = worker->link->tokens.take_all(); news != nullptr;) {
    TokenTable::Entry& entry = entry_of(worker, news->slot);
    entry.asked = false;
    // A failure leaves the old token: it may still be good for others.
    if (!news->value.empty()) {
      entry.value = news->value;
      entry.usable_until_unix_ms = news->usable_until_unix_ms;
      entry.generation = news->generation;
    }
    serve_waiters(worker, *news);
    TokenNews* next = news->next_message;
    delete news;
    news = next;
  }
}

}  // namespace weir
