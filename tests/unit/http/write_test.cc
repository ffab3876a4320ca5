#include "http/write.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>

namespace weir {
namespace {

// A writer over exactly `size` bytes of the heap, so that the address sanitizer sees any overrun.
struct Bounded {
  explicit Bounded(size_t size) : bytes(new char[size]) {
    writer = {
        .begin = bytes.get(), .cursor = bytes.get(), .limit = bytes.get() + size, .failed = false};
  }
  std::string text() const { return {writer.begin, writer.cursor}; }
  std::unique_ptr<char[]> bytes;
  HeadWriter writer;
};

TEST(HeadWriter, WritesAHead) {
  Bounded to(200);
  to.writer.add_status_line(200);
  to.writer.add_field("content-type", "application/json");
  to.writer.add_field("content-length", 1234);
  to.writer.add_field("empty", "");
  to.writer.add("x: ");
  to.writer.add_number(0);
  to.writer.add("\r\n");
  to.writer.add_end();
  EXPECT_FALSE(to.writer.failed);
  EXPECT_EQ(to.text(),
            "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 1234\r\n"
            "empty: \r\nx: 0\r\n\r\n");
}

TEST(HeadWriter, StopsAtItsLimitForEverySize) {
  const std::string whole =
      "HTTP/1.1 404 Not Found\r\nname: value\r\nn: 18446744073709551615\r\n\r\n";
  for (size_t size = 0; size <= whole.size(); ++size) {
    Bounded to(size);
    to.writer.add_status_line(404);
    to.writer.add_field("name", "value");
    to.writer.add_field("n", UINT64_MAX);
    to.writer.add_end();
    EXPECT_EQ(to.writer.failed, size < whole.size());
    EXPECT_EQ(to.text(), whole.substr(0, to.text().size()));
  }
}

TEST(HeadWriter, AddsNothingMoreOnceItFailed) {
  Bounded to(5);
  to.writer.add("123456");
  to.writer.add("1");
  to.writer.add_field("a", "");
  to.writer.add_number(1);
  EXPECT_TRUE(to.writer.failed);
  EXPECT_EQ(to.text(), "");
}

TEST(HeadWriter, RefusesFieldsThatWouldBreakTheHead) {
  using namespace std::string_literals;
  const std::pair<std::string, std::string> rows[] = {
      {"a", "b\r\nc: d"}, {"a", "b\nc"}, {"a", "\0"s}, {"a", "\x7f"}, {"a", "\x1b[0m"},
      {"", "b"},          {"a b", "c"},  {"a:", "b"},  {"a\r\n", "b"}};
  for (const auto& [name, value] : rows) {
    Bounded to(100);
    to.writer.add_field(name, value);
    EXPECT_TRUE(to.writer.failed) << name << "=" << value;
    EXPECT_EQ(to.text(), "");
  }
}

TEST(HeadWriter, TakesNoMoreOfTheArenaThanItWrote) {
  Arena arena;
  HeadWriter writer = head_begin(&arena, 1000);
  writer.add("0123456789abcdef");
  const std::string_view head = head_finish(writer, &arena);
  EXPECT_EQ(head, "0123456789abcdef");
  EXPECT_EQ(arena.allocate(16), head.data() + 16);
  HeadWriter failing = head_begin(&arena, 16);
  failing.add("0123456789abcdefg");
  EXPECT_EQ(head_finish(failing, &arena), "");
  EXPECT_EQ(arena.allocate(16), head.data() + 32);
}

TEST(StatusReason, KnowsWhatIsSent) {
  for (const int status : {200, 400, 401, 403, 404, 405, 408, 411, 413, 414, 415,
                           417, 429, 431, 500, 501, 502, 503, 504, 505, 508}) {
    const std::string_view reason = status_reason(status);
    EXPECT_FALSE(reason.empty());
    EXPECT_NE(reason, "Client Error") << status;
    EXPECT_NE(reason, "Server Error") << status;
  }
  EXPECT_EQ(status_reason(418), "Client Error");
  EXPECT_EQ(status_reason(599), "Server Error");
  EXPECT_EQ(status_reason(0), "Unknown");
  EXPECT_EQ(status_reason(-500), "Unknown");
}

}  // namespace
}  // namespace weir
