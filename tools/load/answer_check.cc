#include "answer_check.h"

#include <strings.h>

#include <cstring>

namespace weir::load {
namespace {

constexpr std::string_view kUsage = "\"usage\"";
// Enough of a line to tell its kind; the rest of a long event is not kept.
constexpr std::size_t kLinePrefix = 64;

bool same_name(std::string_view a, std::string_view b) {
  return a.size() == b.size() && strncasecmp(a.data(), b.data(), a.size()) == 0;
}

}  // namespace

AnswerCheck::AnswerCheck(const Options& options) : options_(options) {
  llhttp_init(&parser_, HTTP_RESPONSE, parser_settings());
  parser_.data = this;
}

const llhttp_settings_t* AnswerCheck::parser_settings() {
  static const llhttp_settings_t settings = [] {
    llhttp_settings_t s;
    llhttp_settings_init(&s);
    s.on_header_field = [](llhttp_t* p, const char* at, std::size_t len) {
      AnswerCheck* self = from(p);
      if (self->in_value_) self->field_.clear();
      self->in_value_ = false;
      self->field_.append(at, len);
      return 0;
    };
    s.on_header_value = [](llhttp_t* p, const char* at, std::size_t len) {
      AnswerCheck* self = from(p);
      self->in_value_ = true;
      if (same_name(self->field_, "content-type")) self->content_type_.append(at, len);
      return 0;
    };
    s.on_header_value_complete = [](llhttp_t* p) {
      from(p)->in_value_ = true;
      return 0;
    };
    s.on_headers_complete = [](llhttp_t* p) {
      AnswerCheck* self = from(p);
      self->status_ = p->status_code;
      // llhttp takes any three digits.
      if (self->status_ < 100 || self->status_ > 599) return -1;
      self->keep_alive_ = llhttp_should_keep_alive(p) != 0;
      self->is_stream_ = self->content_type_.starts_with("text/event-stream");
      return 0;
    };
    s.on_body = [](llhttp_t* p, const char* at, std::size_t len) {
      from(p)->on_body({at, len});
      return 0;
    };
    s.on_message_complete = [](llhttp_t* p) {
      AnswerCheck* self = from(p);
      self->in_value_ = true;
      // An informational head is not the answer yet.
      if (p->status_code >= 100 && p->status_code < 200) {
        self->content_type_.clear();
        return 0;
      }
      self->state_ = State::kComplete;
      return static_cast<int>(HPE_PAUSED);
    };
    return s;
  }();
  return &settings;
}

void AnswerCheck::begin() {
  llhttp_reset(&parser_);
  state_ = State::kReading;
  broken_by_ = Wrong::kNone;
  field_.clear();
  content_type_.clear();
  line_.clear();
  carry_.clear();
  gaps_.clear();
  wire_bytes_ = events_ = first_event_ns_ = last_event_ns_ = 0;
  status_ = 0;
  first_char_ = last_char_ = 0;
  keep_alive_ = is_stream_ = usage_seen_ = data_seen_ = done_line_ = done_seen_ = error_seen_ =
      false;
  in_value_ = false;
}

AnswerCheck::State AnswerCheck::feed(std::string_view bytes, std::uint64_t now_ns) {
  now_ns_ = now_ns;
  wire_bytes_ += bytes.size();
  const llhttp_errno_t error = llhttp_execute(&parser_, bytes.data(), bytes.size());
  if (error == HPE_OK) return state_;
  if (state_ == State::kComplete && error == HPE_PAUSED) {
    const bool extra = llhttp_get_error_pos(&parser_) != bytes.data() + bytes.size();
    llhttp_resume(&parser_);
    if (!extra) return state_;
    broken_by_ = Wrong::kExtraBytes;
  } else {
    broken_by_ = Wrong::kBadHttp;
  }
  return state_ = State::kBroken;
}

AnswerCheck::State AnswerCheck::feed_end() {
  if (llhttp_message_needs_eof(&parser_) != 0 && status_ != 0) llhttp_finish(&parser_);
  if (state_ == State::kComplete) return state_;
  broken_by_ = wire_bytes_ == 0 ? Wrong::kNoAnswer : Wrong::kTruncated;
  return state_ = State::kBroken;
}

bool AnswerCheck::status_expected() const {
  if (!options_.expect_status.empty()) return options_.expect_status.contains(status_);
  return status_ >= 200 && status_ < 300;
}

Wrong AnswerCheck::verdict() const {
  if (broken_by_ == Wrong::kTruncated && error_seen_) return Wrong::kErrorEvent;
  if (broken_by_ != Wrong::kNone) return broken_by_;
  if (!status_expected()) return Wrong::kStatus;
  if (status_ < 200 || status_ >= 300) return Wrong::kNone;
  if (options_.stream) {
    if (!is_stream_) return Wrong::kNotStream;
    if (error_seen_) return Wrong::kErrorEvent;
    // An event without its blank line is half an event.
    if (data_seen_ || !line_.empty()) return Wrong::kTruncated;
    return done_seen_ ? Wrong::kNone : Wrong::kNoDone;
  }
  if (first_char_ != '{' || last_char_ != '}') return Wrong::kNotJson;
  return usage_seen_ || options_.no_usage_check ? Wrong::kNone : Wrong::kNoUsage;
}

void AnswerCheck::on_body(std::string_view bytes) {
  if (!is_stream_) return on_plain(bytes);
  while (!bytes.empty()) {
    const std::size_t end = bytes.find('\n');
    const std::string_view part = bytes.substr(0, end);
    if (line_.size() < kLinePrefix) line_ += part.substr(0, kLinePrefix - line_.size());
    if (end == std::string_view::npos) return;
    on_line();
    line_.clear();
    bytes.remove_prefix(end + 1);
  }
}

void AnswerCheck::on_line() {
  std::string_view line = line_;
  if (line.ends_with('\r')) line.remove_suffix(1);
  if (line.starts_with("data:")) {
    line.remove_prefix(5);
    if (line.starts_with(' ')) line.remove_prefix(1);
    data_seen_ = true;
    done_line_ = line == "[DONE]";
    if (line.starts_with("{\"error\"")) error_seen_ = true;
    return;
  }
  if (!line.empty() || !data_seen_) return;
  data_seen_ = false;
  if (done_line_) {
    done_seen_ = true;
    return;
  }
  ++events_;
  if (events_ == 1) {
    first_event_ns_ = now_ns_;
  } else {
    gaps_.push_back(now_ns_ - last_event_ns_);
  }
  last_event_ns_ = now_ns_;
}

void AnswerCheck::on_plain(std::string_view bytes) {
  const std::size_t first = bytes.find_first_not_of(" \t\r\n");
  if (first == std::string_view::npos) return;
  if (first_char_ == 0) first_char_ = bytes[first];
  last_char_ = bytes[bytes.find_last_not_of(" \t\r\n")];
  if (usage_seen_) return;
  // The name may lie across two reads, so its length less one is carried over.
  carry_ += bytes.substr(0, kUsage.size() - 1);
  usage_seen_ = carry_.find(kUsage) != std::string::npos ||
                memmem(bytes.data(), bytes.size(), kUsage.data(), kUsage.size()) != nullptr;
  if (bytes.size() >= kUsage.size()) carry_ = bytes.substr(bytes.size() - kUsage.size() + 1);
}

}  // namespace weir::load
