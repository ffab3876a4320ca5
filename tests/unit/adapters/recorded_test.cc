// Goal: exchanges recorded from real providers come through with the content, tool calls, finish
// reason and usage that they hold. The recordings are not part of the project: WEIR_FIXTURES names
// their folder (../shared/fixtures/providers beside the project otherwise); absent, the test is
// skipped and says so.
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "adapters/common/json_walk.h"
#include "tests/unit/adapters/harness.h"

namespace weir::test {
namespace {

namespace fs = std::filesystem;

// What a client would make of an answer.
struct Seen {
  std::string content;
  std::string reasoning;
  std::string reason;
  std::string names;
  std::string arguments;
  Usage usage;
  size_t choices = 0;
};

std::string plain(std::string_view token) {
  Arena arena;
  return json_is_string(token) ? std::string(json_unquote(token, arena)) : std::string();
}

void message_see(std::string_view message, Seen* seen) {
  seen->content += plain(json_member(message, "content"));
  const std::string_view reasoning = json_member(message, "reasoning_content");
  seen->reasoning += plain(json_is_none(reasoning) ? json_member(message, "reasoning") : reasoning);
  JsonElements calls(json_member(message, "tool_calls"));
  while (calls.next()) {
    const std::string_view function = json_member(calls.value(), "function");
    if (const std::string name = plain(json_member(function, "name")); !name.empty()) {
      seen->names += name + " ";
    }
    seen->arguments += plain(json_member(function, "arguments"));
  }
}

void answer_see(std::string_view json, Seen* seen) {
  JsonElements choices(json_member(json, "choices"));
  size_t count = 0;
  while (choices.next()) {
    ++count;
    const std::string_view choice = choices.value();
    seen->content += plain(json_member(choice, "text"));
    message_see(json_member(choice, "message"), seen);
    message_see(json_member(choice, "delta"), seen);
    const std::string reason = plain(json_member(choice, "finish_reason"));
    if (!reason.empty()) seen->reason = reason;
  }
  seen->choices = std::max(seen->choices, count);
}

void stream_see(std::string_view bytes, Seen* seen) {
  SseBoundary boundary;
  std::vector<char> scratch(bytes.size() + 1);
  size_t size = 0;
  while ((size = boundary.next(bytes)) != 0) {
    const auto event = sse_read_event(bytes.substr(0, size), scratch);
    bytes.remove_prefix(size);
    if (event && event->has_data && !sse_is_done(event->data)) answer_see(event->data, seen);
  }
}

int64_t expected_count(std::string_view expect, std::string_view key) {
  return json_integer(json_member(json_member(expect, "usage"), key), -1);
}

void seen_check(std::string_view expect, const Seen& seen) {
  const auto text_check = [&](std::string_view key, const std::string& value) {
    const std::string_view token = json_member(expect, key);
    if (json_is_string(token)) {
      EXPECT_EQ(plain(token), value) << key;
    }
  };
  text_check("content", seen.content);
  text_check("text", seen.content);
  text_check("reasoning_content", seen.reasoning);
  text_check("finish_reason", seen.reason);
  std::string names;
  JsonElements calls(json_member(expect, "tool_calls"));
  while (calls.next()) {
    std::string name = plain(json_member(calls.value(), "name"));
    if (name.empty()) name = plain(json_member(json_member(calls.value(), "function"), "name"));
    names += name + " ";
  }
  if (!json_member(expect, "tool_calls").empty()) {
    EXPECT_EQ(names, seen.names);
  }
  if (json_member(expect, "usage").empty()) return;
  EXPECT_EQ(expected_count(expect, "prompt_tokens"), seen.usage.prompt_tokens);
  EXPECT_EQ(expected_count(expect, "completion_tokens"), seen.usage.completion_tokens);
  if (expected_count(expect, "total_tokens") >= 0) {
    EXPECT_EQ(expected_count(expect, "total_tokens"), seen.usage.total_tokens);
  }
}

// False when there is nothing in the recording to compare.
bool recording_check(std::string_view type, std::string_view recording) {
  const std::string kind = plain(json_member(recording, "kind"));
  const std::string body = plain(json_member(recording, "provider_body"));
  const std::string_view expect = json_member(recording, "expect");
  if (body.empty() || expect.empty() || kind == "models") return false;
  const Endpoint endpoint = kind == "embeddings"    ? Endpoint::kEmbeddings
                            : kind == "completions" ? Endpoint::kCompletions
                                                    : Endpoint::kChat;
  Harness harness(type, endpoint);
  const bool begun = harness.begin(kind == "stream" ? R"({"model":"m","stream":true,"messages":[]})"
                                                    : R"({"model":"m","messages":[]})");
  EXPECT_TRUE(begun);
  if (kind == "error") {
    Reply reply;
    reply.status = static_cast<int>(json_integer(json_member(recording, "provider_status"), 500));
    const UpstreamError error = harness.error(reply, body);
    EXPECT_EQ(plain(json_member(expect, "error_message")), error.message);
    EXPECT_EQ(json_integer(json_member(expect, "http_status"), 0), error.status);
    return true;
  }
  Seen seen;
  if (kind == "stream") {
    const Streamed whole = harness.stream(body, 0, true);
    stream_see(whole.client, &seen);
    seen.usage = whole.facts.usage;
    EXPECT_EQ(whole.facts.seen_choices, whole.facts.finished_choices);
    EXPECT_EQ(whole.client, harness.stream(body, 3, true).client);
  } else {
    StreamFacts facts;
    const auto answer = harness.answer(body, &facts);
    EXPECT_TRUE(answer.has_value());
    answer_see(answer.value_or(""), &seen);
    static_cast<void>(usage_read(json_member(body, "usage"), &seen.usage));
  }
  if (seen.choices > 1) return false;
  seen_check(expect, seen);
  return true;
}

TEST(Recorded, ExchangesComeThrough) {
  const char* const named = std::getenv("WEIR_FIXTURES");
  const fs::path root = named != nullptr
                            ? fs::path(named)
                            : fs::path(WEIR_SOURCE_DIR) / "../shared/fixtures/providers";
  if (!fs::exists(root)) GTEST_SKIP() << "no recordings at " << root << "; set WEIR_FIXTURES";
  size_t compared = 0;
  size_t skipped = 0;
  for (const Adapter* adapter : adapter_registry()) {
    const fs::path folder = root / adapter->name;
    if (!fs::exists(folder)) continue;
    for (const auto& entry : fs::directory_iterator(folder)) {
      SCOPED_TRACE(entry.path().string());
      std::ifstream file(entry.path(), std::ios::binary);
      const std::string text{std::istreambuf_iterator<char>(file),
                             std::istreambuf_iterator<char>()};
      ++(recording_check(adapter->name, text) ? compared : skipped);
    }
  }
  std::printf("recordings: %zu compared, %zu skipped\n", compared, skipped);
  EXPECT_GT(compared, 0u);
}

}  // namespace
}  // namespace weir::test
