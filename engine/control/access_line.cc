// The text of one line of the access log.
#include <ctime>

#include "control/access_log.h"
#include "control/line_text.h"
#include "control/record_words.h"

namespace weir {

namespace {

// RFC 3339 with milliseconds, up to the Z. The seconds' text is made once a second.
char* time_write(char* to, int64_t unix_ms) {
  constexpr size_t kRoom = 32;
  thread_local int64_t second_ms = INT64_MIN;  // of the text
  thread_local char text[kRoom];
  thread_local size_t size = 0;
  const uint64_t since = static_cast<uint64_t>(unix_ms) - static_cast<uint64_t>(second_ms);
  if (since >= 1000) {
    const auto seconds = static_cast<time_t>(unix_ms / 1000);
    tm parts{};
    gmtime_r(&seconds, &parts);
    size = strftime(text, sizeof text, "{\"time\":\"%Y-%m-%dT%H:%M:%S.", &parts);
    second_ms = unix_ms / 1000 * 1000;
  }
  std::memcpy(to, text, kRoom);
  return write_three_digits(to + size, static_cast<uint32_t>(unix_ms - second_ms));
}

size_t attempts_told(const LedgerRecord& record) {
  return std::min<size_t>(record.attempt_count, LedgerRecord::kMaxAttempts);
}

char* attempts_write(char* to, const LedgerRecord& record, const Registry& registry) {
  to = line_fixed<",\"attempts\":[">(to);
  for (size_t i = 0; i < attempts_told(record); ++i) {
    const AttemptRecord& attempt = record.attempts[i];
    if (i > 0) *to++ = ',';
    to = line_string(line_fixed<"{\"target\":">(to), target_name(registry, attempt.target));
    to = line_number<",\"status\":">(to, attempt.status);
    to = line_raw(line_fixed<",\"fault\":\"">(to), fault_name(attempt.fault));
    to = line_number<"\",\"us\":">(to, attempt.duration_us);
    *to++ = '}';
  }
  *to++ = ']';
  return to;
}

// What all records with the same traits say, and the attempts.
char* members_write(char* to, const LedgerRecord& record, const RecordNames::Names& names,
                    const Registry& registry) {
  const AttemptRecord& first = record.attempts[0];
  const bool usual = record.attempt_count == 1 && first.target == names.target &&
                     first.status == record.status && first.fault == Fault::kNone;
  if (usual) {
    to = write_number(line_long(to, names.members_and_usual_attempt()), first.duration_us);
    return line_fixed<"}]">(to);
  }
  to = line_long(to, names.members());
  return record.attempt_count == 0 ? to : attempts_write(to, record, registry);
}

template <FixedText kText>
[[gnu::always_inline]] inline char* count_write(char* to, int64_t value) {
  return value < 0 ? to : line_number<kText>(to, static_cast<uint64_t>(value));
}

// The values are the names of usage_source_name().
char* source_write(char* to, UsageSource source) {
  switch (source) {
    case UsageSource::kNone: break;
    case UsageSource::kProvider: return line_fixed<"\"source\":\"provider\"">(to);
    case UsageSource::kCounted: return line_fixed<"\"source\":\"counted\"">(to);
    case UsageSource::kEstimated: return line_fixed<"\"source\":\"estimated\"">(to);
  }
  return line_fixed<"\"source\":\"none\"">(to);
}

// An answer from the reply cache used no tokens, and says so.
char* usage_write(char* to, const Usage& usage, bool cached) {
  if (usage.source == UsageSource::kNone && !cached) return to;
  to = line_fixed<",\"tokens\":{">(to);
  to = cached ? line_fixed<"\"source\":\"cache\"">(to) : source_write(to, usage.source);
  to = count_write<",\"prompt\":">(to, usage.prompt_tokens);
  to = count_write<",\"completion\":">(to, usage.completion_tokens);
  to = count_write<",\"total\":">(to, usage.total_tokens);
  to = count_write<",\"cached\":">(to, usage.cached_tokens);
  to = count_write<",\"reasoning\":">(to, usage.reasoning_tokens);
  *to++ = '}';
  return to;
}

// The keys are the names of stage_name(), in their order.
char* stages_write(char* to, const LedgerRecord& record) {
  const auto us = [&record](Stage stage) { return record.stage_us[static_cast<size_t>(stage)]; };
  to = line_number<",\"stages_us\":{\"receive\":">(to, us(Stage::kReceive));
  to = line_number<",\"parse\":">(to, us(Stage::kParse));
  to = line_number<",\"decide\":">(to, us(Stage::kDecide));
  to = line_number<",\"pool\":">(to, us(Stage::kPool));
  to = line_number<",\"connect\":">(to, us(Stage::kConnect));
  to = line_number<",\"upstream\":">(to, us(Stage::kUpstream));
  to = line_number<",\"translate\":">(to, us(Stage::kTranslate));
  to = line_number<",\"relay\":">(to, us(Stage::kRelay));
  return line_number<"},\"total_us\":">(to, record.total_us);
}

}  // namespace

size_t access_line_room(const LedgerRecord& record, const RecordNames::Names& names,
                        const Registry& registry) {
  // For all but texts: names of members, numbers, and our own names.
  constexpr size_t kFixedRoom = 2048;
  constexpr size_t kTextRoom = line_string_room(sizeof record.peer) +
                               line_string_room(sizeof record.request_id) +
                               line_string_room(sizeof record.path);
  size_t room = kFixedRoom + kTextRoom + kLineSlack + names.text.size();
  // One attempt at the target of the record is in the names' text.
  if (record.attempt_count == 1 && record.attempts[0].target == names.target) return room;
  for (size_t i = 0; i < attempts_told(record); ++i) {
    room += line_string_room(target_name(registry, record.attempts[i].target).size());
  }
  return room;
}

char* access_line(char* to, const LedgerRecord& record, const RecordNames::Names& names,
                  const Registry& registry) {
  to = time_write(to, record.started_unix_ms);
  to = line_fixed<"Z\",\"request_id\":">(to);
  to = line_string(to, record.request_id, record.request_id_len);
  to = line_fixed<",\"peer\":">(to);
  to = line_string(to, record.peer, record.peer_len);
  to = members_write(to, record, names, registry);
  if (record.kind != RequestKind::kInference) {
    to = line_string(line_fixed<",\"path\":">(to), record.path, record.path_len);
  }
  to = line_number<",\"bytes_in\":">(to, record.request_bytes);
  to = line_number<",\"bytes_out\":">(to, record.response_bytes);
  to = usage_write(to, record.usage, record.cached);
  to = stages_write(to, record);
  *to++ = '}';
  return to;
}

std::string access_line(const LedgerRecord& record, const Registry& registry) {
  RecordNames known;
  const RecordNames::Names& names = known.of(record, registry);
  std::string line(access_line_room(record, names, registry), '\0');
  line.resize(static_cast<size_t>(access_line(line.data(), record, names, registry) -
                                  line.data()));
  return line;
}

}  // namespace weir
