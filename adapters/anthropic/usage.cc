#include "adapters/anthropic/usage.h"

#include "adapters/common/json_walk.h"

namespace weir {

namespace {

struct CountName {
  std::string_view key;
  MessageUsage::Count count;
};
constexpr CountName kCountNames[] = {
    {"input_tokens", MessageUsage::kInput},
    {"output_tokens", MessageUsage::kOutput},
    {"cache_creation_input_tokens", MessageUsage::kCacheWrite},
    {"cache_read_input_tokens", MessageUsage::kCacheRead},
};

void count_set(MessageUsage::Count count, int64_t value, MessageUsage* usage) {
  if (value < 0) return;
  usage->counts[count] = value;
  usage->seen = static_cast<uint8_t>(usage->seen | 1u << count);
}

void counts_read(std::string_view object, MessageUsage* usage) {
  JsonMembers members(object);
  while (members.next()) {
    for (const CountName& name : kCountNames) {
      if (name.key == members.key())
        count_set(name.count, json_integer(members.value(), -1), usage);
    }
    if (members.key() == "output_tokens_details") {
      const std::string_view thinking = json_member(members.value(), "thinking_tokens");
      count_set(MessageUsage::kThinking, json_integer(thinking, -1), usage);
    }
  }
}

// The top level leaves out what compacting the conversation took; the list of turns has it. A turn
// of a model that stepped in is counted at the top already.
void iterations_read(std::string_view list, MessageUsage* usage) {
  MessageUsage sum{};
  bool compaction = false;
  JsonElements each(list);
  while (each.next()) {
    const std::string_view type = json_inner(json_member(each.value(), "type"));
    if (type == "fallback_message") return;
    if (type != "message" && type != "compaction") continue;
    compaction |= type == "compaction";
    MessageUsage one{};
    counts_read(each.value(), &one);
    for (size_t i = 0; i < MessageUsage::kCounts; ++i) sum.counts[i] += one.counts[i];
    sum.seen = static_cast<uint8_t>(sum.seen | one.seen);
  }
  if (!compaction) return;
  for (uint8_t i = 0; i < MessageUsage::kThinking; ++i) {
    if ((sum.seen >> i & 1) != 0) {
      count_set(static_cast<MessageUsage::Count>(i), sum.counts[i], usage);
    }
  }
}

}  // namespace

void message_usage_read(std::string_view object, MessageUsage* usage) {
  counts_read(object, usage);
  const std::string_view iterations = json_member(object, "iterations");
  if (json_is_array(iterations)) iterations_read(iterations, usage);
}

Usage message_usage_total(const MessageUsage& usage) {
  using enum MessageUsage::Count;
  const auto seen = [&](MessageUsage::Count count) { return (usage.seen >> count & 1) != 0; };
  if (!seen(kInput) && !seen(kOutput)) return {};
  const int64_t prompt =
      usage.counts[kInput] + usage.counts[kCacheWrite] + usage.counts[kCacheRead];
  const bool cache = seen(kCacheWrite) || seen(kCacheRead);
  return usage_make(prompt, usage.counts[kOutput], cache ? usage.counts[kCacheRead] : -1,
                    seen(kThinking) ? usage.counts[kThinking] : -1);
}

std::string_view message_usage_extra(const MessageUsage& usage, Arena& arena) {
  using enum MessageUsage::Count;
  if (usage.counts[kCacheWrite] == 0 && usage.counts[kCacheRead] == 0) return {};
  ArenaText text(arena, 128);
  text.add(",\"cache_creation_input_tokens\":").add_number(usage.counts[kCacheWrite]);
  text.add(",\"cache_read_input_tokens\":").add_number(usage.counts[kCacheRead]);
  return text.view();
}

}  // namespace weir
