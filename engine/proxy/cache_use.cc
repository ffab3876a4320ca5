#include "proxy/cache_use.h"

// As in auth.cc: the interface that does not look its algorithm up on every call.
#define OPENSSL_SUPPRESS_DEPRECATED
#include <openssl/sha.h>

#include <algorithm>
#include <array>
#include <string>

#include "adapters/common/json_walk.h"
#include "proxy/exchange.h"
#include "proxy/worker.h"
#include "route/access.h"

namespace weir {

namespace {

constexpr std::string_view kCached = "cached";
constexpr std::string_view kCachedMember = "\"cached\":true";

// Texts go in with their sizes, so that no two lists of them make the same bytes.
class KeyDigester {
 public:
  KeyDigester() { SHA256_Init(&context_); }
  void number(uint64_t value) { SHA256_Update(&context_, &value, sizeof value); }
  void text(std::string_view text) {
    number(text.size());
    SHA256_Update(&context_, text.data(), text.size());
  }
  [[nodiscard]] CacheKey finish() {
    CacheKey key;
    SHA256_Final(key.data(), &context_);
    return key;
  }

 private:
  SHA256_CTX context_;
};

void digest_caller(const Principal& who, KeyDigester* digest) {
  digest->text(who.tenant);
  digest->text(who.environment);
  digest->number(who.access == nullptr ? 0 : who.access->id());
  digest->number(who.all_models ? 0 : 1);
  if (who.all_models) return;
  digest->number(who.allowed_routes.size());
  for (const uint32_t slot : who.allowed_routes) digest->number(slot);
}

// The body without the members `cache` and `router`, and of the latter what is not `cache`.
void digest_body(const RequestView& view, KeyDigester* digest) {
  std::array<ByteRange, 2> cuts;
  size_t count = 0;
  for (const Field field : {Field::kCache, Field::kRouter}) {
    if (view.present(field)) {
      cuts[count++] = {view.member(field).key.begin, view.member(field).value.end};
    }
  }
  std::sort(cuts.begin(), cuts.begin() + count,
            [](ByteRange a, ByteRange b) { return a.begin < b.begin; });
  size_t at = 0;
  for (size_t i = 0; i < count; ++i) {
    digest->text(view.body.substr(at, cuts[i].begin - at));
    at = cuts[i].end;
  }
  digest->text(view.body.substr(at));
  JsonMembers router(view.value(Field::kRouter));
  while (router.next()) {
    if (router.key() == "cache") continue;
    digest->text(router.key());
    digest->text(router.value());
  }
}

// The target that made a kept reply, if this request could still be sent to it.
const Target* target_of(const Exchange* ex, std::string_view uuid) {
  const std::vector<Target>& targets = ex->route->targets;
  for (size_t i = 0; i < targets.size(); ++i) {
    if (targets[i].uuid != uuid) continue;
    if (ex->excluded == nullptr || !(*ex->excluded)[i]) return &targets[i];
  }
  return nullptr;
}

// The body with `"cached":true`, in place of what it says of itself or before everything else.
std::array<Slice, 3> marked(std::string_view body) {
  JsonMembers members(body);
  while (members.next()) {
    if (members.key() != kCached) continue;
    const auto begin = static_cast<size_t>(members.value().data() - body.data());
    return {Slice(body.substr(0, begin)), Slice(std::string_view("true")),
            Slice(body.substr(begin + members.value().size()))};
  }
  const size_t inside = body.find('{') + 1;  // it is an object, or it would not have come here
  const bool empty = body[json_skip_space(body, inside)] == '}';
  static constexpr std::string_view kFirstMember = "\"cached\":true,";
  return {Slice(body.substr(0, inside)), Slice(empty ? kCachedMember : kFirstMember),
          Slice(body.substr(inside))};
}

}  // namespace

void cache_begin(Exchange* ex, const CacheAsk& ask) {
  if (!ask.enabled || ex->view.stream || ex->worker->limits.cache.max_bytes == 0) return;
  KeyDigester digest;
  digest_caller(*ex->principal, &digest);
  digest.number(endpoint_bit(ex->match.endpoint));
  digest.text(ask.filter);
  digest.number(ex->client_fields.size());
  for (const HeaderField& field : ex->client_fields) {
    digest.text(field.name);
    digest.text(field.value);
  }
  digest_body(ex->view, &digest);
  ex->caching = ex->arena.make<CacheUse>();
  ex->caching->key = digest.finish();
}

bool cache_answer(Exchange* ex) {
  Worker* worker = ex->worker;
  ReplyCache& cache = worker->control->cache;
  const CachedReply* reply = cache.find(ex->caching->key, worker->now_ms);
  ex->caching->found = reply;
  const Target* target = reply == nullptr ? nullptr : target_of(ex, cached_origin(reply));
  if (target == nullptr) {
    ++worker->metrics.cache_misses;
    cache_release(ex);
    return false;
  }
  ++worker->metrics.cache_hits;
  ex->record.cached = true;
  ex->record.series = target->series;
  // No provider was asked, so nobody counted tokens: there were none.
  ex->facts.usage.prompt_tokens = ex->facts.usage.completion_tokens = 0;
  ex->facts.usage.total_tokens = 0;
  relay_kept(ex, cached_body(reply));
  return true;
}

void cache_keep(Exchange* ex, const SliceList& body) {
  if (ex->reply_head.status != 200) return;
  Worker* worker = ex->worker;
  if (body.bytes() > worker->limits.cache.max_entry_bytes) return;
  std::string whole;
  std::string_view text = body.count() == 1 ? body.span()[0].view() : std::string_view();
  if (body.count() != 1) {
    for (const Slice& slice : body.span()) whole += slice.view();
    text = whole;
  }
  const std::array<Slice, 3> parts = marked(text);
  worker->control->cache.put(ex->caching->key, ex->target->uuid, parts, worker->now_ms);
}

void cache_release(Exchange* ex) {
  if (ex->caching->found == nullptr) return;
  ex->worker->control->cache.release(ex->caching->found);
  ex->caching->found = nullptr;
}

}  // namespace weir
