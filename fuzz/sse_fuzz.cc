// Event streams: any cut gives the events of the whole, no byte is lost, and the data of each event
// is what a plain reader of lines finds. The first byte chooses the cut.
#include <array>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "http/sse.h"

namespace {

using namespace weir;

void require(bool condition) {
  if (!condition) std::abort();
}

// The last element is the tail. A lone LF behind an event that ended in CR is joined to it.
std::vector<std::string> events_cut(std::string_view stream, size_t step) {
  SseBoundary boundary;
  std::vector<std::string> events;
  std::string held;
  for (size_t at = 0; at < stream.size(); at += step) {
    std::string_view rest = stream.substr(at, step);
    while (const size_t n = boundary.next(rest)) {
      require(n <= rest.size());
      held += rest.substr(0, n);
      rest.remove_prefix(n);
      const bool joins = held == "\n" && !events.empty() && events.back().back() == '\r';
      if (joins) events.back() += held;
      if (!joins) events.push_back(held);
      held.clear();
    }
    held += rest;
  }
  events.push_back(held);
  return events;
}

std::string data_simply(std::string_view raw, size_t* lines) {
  std::string text(raw);
  if (text.starts_with("\xef\xbb\xbf")) text.erase(0, 3);
  for (size_t at = 0; (at = text.find("\r\n", at)) != std::string::npos;) text.erase(at, 1);
  for (char& c : text) c = c == '\r' ? '\n' : c;
  text += '\n';
  std::string data;
  for (size_t at = 0, end = 0; (end = text.find('\n', at)) != std::string::npos; at = end + 1) {
    std::string line = text.substr(at, end - at);
    if (line != "data" && !line.starts_with("data:")) continue;
    line.erase(0, line == "data" ? 4 : 5);
    if (line.starts_with(' ')) line.erase(0, 1);
    data += ((*lines)++ == 0 ? "" : "\n") + line;
  }
  return data;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const std::string_view stream(reinterpret_cast<const char*>(data) + 1, size - 1);
  const auto whole = events_cut(stream, size);
  require(events_cut(stream, 1) == whole);
  require(events_cut(stream, data[0] == 0 ? size : data[0]) == whole);
  std::string joined;
  std::vector<char> scratch(size);
  for (const std::string& raw : whole) {
    joined += raw;
    size_t lines = 0;
    const std::string expected = data_simply(raw, &lines);
    const auto event = sse_read_event(raw, scratch);
    require(event.has_value() && event->data == expected);
    require(event->has_data == (lines > 0) && event->multi_line == (lines > 1));
    std::array<char, 8> small;
    const auto bounded = sse_read_event(raw, small);
    require(bounded.has_value() == (lines < 2 || expected.size() <= small.size()));
  }
  require(joined == stream);
  return 0;
}
