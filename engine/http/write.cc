#include "http/write.h"

#include "base/check.h"
#include "base/decimal.h"
#include "http/bytes.h"

namespace weir {

namespace {

struct Reason {
  int status;
  std::string_view text;
};

// Searched from the front, where the common ones stand.
constexpr Reason kReasons[] = {
    {100, "Continue"},
    {200, "OK"},
    {201, "Created"},
    {202, "Accepted"},
    {204, "No Content"},
    {304, "Not Modified"},
    {400, "Bad Request"},
    {401, "Unauthorized"},
    {402, "Payment Required"},
    {403, "Forbidden"},
    {404, "Not Found"},
    {405, "Method Not Allowed"},
    {406, "Not Acceptable"},
    {408, "Request Timeout"},
    {409, "Conflict"},
    {410, "Gone"},
    {411, "Length Required"},
    {412, "Precondition Failed"},
    {413, "Content Too Large"},
    {414, "URI Too Long"},
    {415, "Unsupported Media Type"},
    {417, "Expectation Failed"},
    {421, "Misdirected Request"},
    {422, "Unprocessable Content"},
    {423, "Locked"},
    {424, "Failed Dependency"},
    {425, "Too Early"},
    {428, "Precondition Required"},
    {429, "Too Many Requests"},
    {431, "Request Header Fields Too Large"},
    {451, "Unavailable For Legal Reasons"},
    {500, "Internal Server Error"},
    {501, "Not Implemented"},
    {502, "Bad Gateway"},
    {503, "Service Unavailable"},
    {504, "Gateway Timeout"},
    {505, "HTTP Version Not Supported"},
    {507, "Insufficient Storage"},
    {508, "Loop Detected"},
    {529, "Overloaded"},
};

}  // namespace

void HeadWriter::add_number(uint64_t number) {
  char digits[20];
  add({digits, static_cast<size_t>(write_number(digits, number) - digits)});
}

void HeadWriter::add_field(std::string_view name, std::string_view value) {
  const char* const name_end = name.data() + name.size();
  const char* const value_end = value.data() + value.size();
  const bool name_good = !name.empty() && bytes_skip(name.data(), name_end, kTokenByte) == name_end;
  const bool value_good = value_skip(value.data(), value_end) == value_end;
  const size_t need = name.size() + value.size() + 4;
  if (!name_good || !value_good || need > static_cast<size_t>(limit - cursor)) return fail();
  add(name);
  add(": ");
  add(value);
  add("\r\n");
}

void HeadWriter::add_field(std::string_view name, uint64_t number) {
  char digits[20];
  const auto size = static_cast<size_t>(write_number(digits, number) - digits);
  add_field(name, std::string_view(digits, size));
}

void HeadWriter::add_status_line(int status) {
  if (status == 200) return add("HTTP/1.1 200 OK\r\n");
  WEIR_CHECK(status >= 100 && status <= 599);
  add("HTTP/1.1 ");
  add_number(static_cast<uint64_t>(status));
  add(" ");
  add(status_reason(status));
  add("\r\n");
}

HeadWriter head_begin(Arena* arena, size_t capacity) {
  char* const begin = arena->allocate(capacity);
  return {.begin = begin, .cursor = begin, .limit = begin + capacity, .failed = false};
}

std::string_view head_finish(const HeadWriter& writer, Arena* arena) {
  arena->trim(writer.failed ? writer.begin : writer.cursor);
  if (writer.failed) return {};
  return {writer.begin, static_cast<size_t>(writer.cursor - writer.begin)};
}

std::string_view status_reason(int status) {
  for (const Reason& reason : kReasons) {
    if (reason.status == status) return reason.text;
  }
  constexpr std::string_view kClasses[] = {"Informational", "Success", "Redirection",
                                           "Client Error", "Server Error"};
  const int status_class = status / 100;
  return status_class >= 1 && status_class <= 5 ? kClasses[status_class - 1] : "Unknown";
}

}  // namespace weir
