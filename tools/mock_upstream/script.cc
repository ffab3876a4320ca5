#include "script.h"

#include <map>
#include <stdexcept>

#include "../shared/units.h"

namespace weir::mock {
namespace {

using tools::parse_count;
using tools::parse_duration_ms;
using tools::parse_size;
using Value = std::string_view;

std::string percent_decode(Value text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && i + 2 < text.size()) {
      const std::string digits(text.substr(i + 1, 2));
      std::size_t used = 0;
      const int byte = std::stoi(digits, &used, 16);
      if (used != 2) throw std::invalid_argument("bad % escape in '" + std::string(text) + "'");
      out.push_back(static_cast<char>(byte));
      i += 2;
    } else {
      out.push_back(text[i]);
    }
  }
  return out;
}

template <typename Enum>
Enum choose(Value value, std::initializer_list<std::pair<Value, Enum>> choices) {
  for (const auto& [name, choice] : choices) {
    if (name == value) return choice;
  }
  throw std::invalid_argument("unknown value '" + std::string(value) + "'");
}

// "12" counts events (or body bytes of a plain answer), "12b" body bytes, "12w" bytes on the wire.
Stop stop_parse(Stop::Action action, Value value) {
  Stop stop{action, Stop::Unit::kPieces, 0};
  if (value.ends_with('b')) stop.unit = Stop::Unit::kBodyBytes;
  if (value.ends_with('w')) stop.unit = Stop::Unit::kWireBytes;
  if (stop.unit != Stop::Unit::kPieces) value.remove_suffix(1);
  stop.count = parse_count(value);
  return stop;
}

int status_parse(Value value) {
  const std::uint64_t status = parse_count(value);
  if (status > 999) throw std::invalid_argument("not a status: '" + std::string(value) + "'");
  return static_cast<int>(status);
}

void header_add(Script& script, Value value) {
  const std::size_t colon = value.find(':');
  if (colon == Value::npos) throw std::invalid_argument("header needs Name:Value");
  script.headers.emplace_back(percent_decode(value.substr(0, colon)),
                              percent_decode(value.substr(colon + 1)));
}

using Setter = void (*)(Script&, Value);

// Keys that take a value.
const std::map<Value, Setter>& value_keys() {
  static const std::map<Value, Setter> keys = {
      {"fail", [](Script& s, Value v) { s.status = status_parse(v); }},
      {"retry_after", [](Script& s, Value v) { s.retry_after = parse_count(v); }},
      {"code", [](Script& s, Value v) { s.code = percent_decode(v); }},
      {"type", [](Script& s, Value v) { s.type = percent_decode(v); }},
      {"message", [](Script& s, Value v) { s.message = percent_decode(v); }},
      {"delay", [](Script& s, Value v) { s.delay_ms = parse_duration_ms(v); }},
      {"body_delay", [](Script& s, Value v) { s.body_delay_ms = parse_duration_ms(v); }},
      {"gap", [](Script& s, Value v) { s.gap_ms = parse_duration_ms(v); }},
      {"pause", [](Script& s, Value v) { s.pause_ms = parse_duration_ms(v); }},
      {"heartbeats", [](Script& s, Value v) { s.heartbeat_ms = parse_duration_ms(v); }},
      {"close_idle", [](Script& s, Value v) { s.close_idle_ms = parse_duration_ms(v); }},
      {"stray", [](Script& s, Value v) { s.stray_ms = parse_duration_ms(v); }},
      {"words", [](Script& s, Value v) { s.words = parse_count(v); }},
      {"big", [](Script& s, Value v) { s.big_bytes = parse_size(v); }},
      {"events", [](Script& s, Value v) { s.events = parse_count(v); }},
      {"size", [](Script& s, Value v) { s.event_bytes = parse_size(v); }},
      {"choices",
       [](Script& s, Value v) { s.choices = std::max<std::uint64_t>(1, parse_count(v)); }},
      {"prompt", [](Script& s, Value v) { s.prompt_tokens = parse_count(v); }},
      {"cached", [](Script& s, Value v) { s.cached_tokens = parse_count(v); }},
      {"completion", [](Script& s, Value v) { s.completion_tokens = parse_count(v); }},
      {"body", [](Script& s, Value v) { s.body = percent_decode(v); }},
      {"content_type", [](Script& s, Value v) { s.content_type = percent_decode(v); }},
      {"error_at", [](Script& s, Value v) { s.error_at = parse_count(v); }},
      {"stall_at", [](Script& s, Value v) { s.stop = stop_parse(Stop::Action::kStall, v); }},
      {"cut_at", [](Script& s, Value v) { s.stop = stop_parse(Stop::Action::kCut, v); }},
      {"reset_at", [](Script& s, Value v) { s.stop = stop_parse(Stop::Action::kReset, v); }},
      {"split", [](Script& s, Value v) { s.split_bytes = parse_size(v); }},
      {"1xx", [](Script& s, Value v) { s.informational = parse_count(v); }},
      {"head_bytes", [](Script& s, Value v) { s.head_bytes = parse_size(v); }},
      {"fields", [](Script& s, Value v) { s.fields = parse_count(v); }},
      {"status_line", [](Script& s, Value v) { s.status_line = percent_decode(v); }},
      {"header", &header_add},
      {"times", [](Script& s, Value v) { s.times = parse_count(v); }},
      {"every", [](Script& s, Value v) { s.every = parse_count(v); }},
      {"usage",
       [](Script& s, Value v) {
         s.usage = choose<UsageMode>(v, {{"ask", UsageMode::kAsk},
                                         {"always", UsageMode::kAlways},
                                         {"never", UsageMode::kNever},
                                         {"inline", UsageMode::kInline},
                                         {"each", UsageMode::kEach}});
       }},
      {"framing",
       [](Script& s, Value v) {
         s.framing = choose<Framing>(v, {{"chunked", Framing::kChunked},
                                         {"length", Framing::kLength},
                                         {"close", Framing::kClose}});
       }},
      {"eol",
       [](Script& s, Value v) {
         s.eol = choose<const char*>(v, {{"lf", "\n"}, {"crlf", "\r\n"}, {"cr", "\r"}});
       }},
  };
  return keys;
}

// Keys that stand alone.
const std::map<Value, bool Script::*>& flag_keys() {
  static const std::map<Value, bool Script::*> keys = {
      {"hang", &Script::hang},
      {"tools", &Script::tools},
      {"echo", &Script::echo},
      {"utf8", &Script::utf8},
      {"plain", &Script::plain},
      {"no_done", &Script::no_done},
      {"no_finish", &Script::no_finish},
      {"one_finish", &Script::one_finish},
      {"named", &Script::named},
      {"no_space", &Script::no_space},
      {"each", &Script::each},
      {"reset_before_head", &Script::reset_before_head},
      {"close_before_head", &Script::close_before_head},
      {"garbage", &Script::garbage},
      {"bad_chunk", &Script::bad_chunk},
      {"short_body", &Script::short_body},
      {"long_body", &Script::long_body},
      {"double_length", &Script::double_length},
      {"both_framings", &Script::both_framings},
      {"early", &Script::early},
      {"close_after", &Script::close_after},
      {"no_notify", &Script::no_notify},
      {"if_reused", &Script::if_reused},
  };
  return keys;
}

const std::map<Value, BodyForm>& form_keys() {
  static const std::map<Value, BodyForm> keys = {
      {"ndjson", BodyForm::kNdjson},    {"html", BodyForm::kHtml},
      {"json200", BodyForm::kJson200},  {"empty", BodyForm::kEmpty},
      {"bad_json", BodyForm::kBadJson}, {"ok", BodyForm::kNormal},
  };
  return keys;
}

void item_apply(Script& script, Value item) {
  const std::size_t equals = item.find('=');
  const Value key = item.substr(0, equals);
  if (equals != Value::npos) {
    if (const auto found = value_keys().find(key); found != value_keys().end()) {
      return found->second(script, item.substr(equals + 1));
    }
  } else if (const auto flag = flag_keys().find(key); flag != flag_keys().end()) {
    script.*(flag->second) = true;
    return;
  } else if (const auto form = form_keys().find(key); form != form_keys().end()) {
    script.form = form->second;
    return;
  } else if (key == "chunked" || key == "length" || key == "close") {
    return value_keys().at("framing")(script, key);
  }
  throw std::invalid_argument("unknown script key '" + std::string(item) + "'");
}

Value trim(Value text) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  return text;
}

template <typename Action>
void split_at(Value text, char mark, Action action) {
  for (;;) {
    const std::size_t end = text.find(mark);
    action(trim(text.substr(0, end)));
    if (end == Value::npos) return;
    text.remove_prefix(end + 1);
  }
}

}  // namespace

Script script_parse(std::string_view text) {
  Script script;
  split_at(text, ',', [&](Value item) {
    if (!item.empty()) item_apply(script, item);
  });
  return script;
}

Script ScriptBook::next(const std::string& text, bool reused) {
  Entry& entry = entries_[text];
  if (entry.scripts.empty()) {
    split_at(text, ';', [&](Value part) { entry.scripts.push_back(script_parse(part)); });
    entry.applied.assign(entry.scripts.size(), 0);
  }
  const std::size_t at = entry.at;
  if (at + 1 < entry.scripts.size()) ++entry.at;
  const Script& script = entry.scripts[at];
  ++entry.asked;
  if (script.if_reused && !reused) return {};
  if (script.every > 1 && entry.asked % script.every != 0) return {};
  if (script.times > 0 && entry.applied[at] >= script.times) return {};
  ++entry.applied[at];
  return script;
}

}  // namespace weir::mock
