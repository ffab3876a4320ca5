// Goal: exchanges recorded from real providers come through with everything that they hold: texts,
// tool calls, finish reasons, usage, vectors, errors. The recordings are not part of the project:
// WEIR_FIXTURES names their folder (../shared/fixtures/providers beside the project otherwise);
// absent, the test is skipped and says so.
//
// Method: each recorded reply goes through the adapter of its provider, streams whole, byte by byte
// and at random cuts; what a client makes of the result is compared with what the recording
// expects. Recordings of a provider without an adapter, or without expectations, count as skipped.
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>

#include "tests/shared/paths.h"
#include "tests/unit/adapters/harness.h"
#include "tests/unit/adapters/recorded_seen.h"

namespace weir::test {
namespace {

namespace fs = std::filesystem;

void provider_configure(std::string_view type, Provider* provider) {
  provider->mask_auth_errors = false;  // the recordings hold the provider's own status
  const auto option = [&](std::string_view name, std::string_view value) {
    provider->options.emplace_back(name, value);
  };
  if (type == "azure-openai") option("api_version", "2024-10-21");
  if (type == "bedrock") {
    option("region", "us-east-1");
    option("access_key_id", "AKIDEXAMPLE");
    option("secret_access_key", "no-real-secret");
  }
  if (type == "watsonxai") option("project_id", "some-project");
  if (type == "nim") {
    provider->host = "integrate.api.nvidia.com";
    auto second = std::make_shared<Provider>(*provider);
    second->authority = "api.nvcf.nvidia.com";
    second->base_path = "/v2/nvcf/pexec/status";
    provider->second = second;
  }
}

// One recording, on its way through the adapter.
class Recording {
 public:
  Recording(std::string_view type, const std::string& text, std::mt19937* random)
      : type_(type), text_(text), random_(random) {
    kind_ = plain(get("kind"));
    body_ = plain(get("provider_body"));
    if (plain(get("encoding")) == "base64") body_ = base64_decode(body_);
    expect_ = get("expect");
  }
  [[nodiscard]] const std::string& kind() const { return kind_; }

  // False when there is nothing to compare.
  bool check() {
    if (!json_is_object(expect_) || adapter_find(type_) == nullptr) return false;
    if (!want("poll_url").empty()) return check_polling();
    if (kind_ == "error") return check_error();
    if (kind_ == "stream") return check_stream();
    if (kind_ == "embeddings") return check_embeddings();
    if (kind_ == "chat" || kind_ == "completions" || kind_ == "generation") return check_answer();
    return false;
  }

 private:
  [[nodiscard]] std::string_view get(std::string_view key) const { return json_member(text_, key); }
  [[nodiscard]] std::string_view want(std::string_view key) const {
    return json_member(expect_, key);
  }

  // The model that was asked, from the request's address or body: some forms depend on it.
  [[nodiscard]] std::string model() const {
    const std::string_view request = get("request");
    const std::string url = plain(json_member(request, "url"));
    if (const size_t at = url.find("/model/"); at != url.npos) {
      std::string name = url.substr(at + 7, url.find('/', at + 7) - at - 7);
      if (const size_t colon = name.find("%3A"); colon != name.npos) name.replace(colon, 3, ":");
      return name;
    }
    for (const std::string_view key : {"model", "model_id"}) {
      const std::string name = plain(json_member(json_member(request, "body"), key));
      if (!name.empty()) return name;
    }
    return "some-model";
  }

  std::unique_ptr<Harness> begin(const std::string& members) {
    const std::string url = plain(json_member(get("request"), "url"));
    const bool legacy = kind_ == "completions" || kind_ == "generation" || !want("text").empty() ||
                        url.ends_with("/v1/completions") ||
                        (kind_ == "stream" && body_.find("\"generated_text\"") != body_.npos);
    const Endpoint endpoint = kind_ == "embeddings" ? Endpoint::kEmbeddings
                              : legacy              ? Endpoint::kCompletions
                                                    : Endpoint::kChat;
    auto harness = std::make_unique<Harness>(type_, endpoint);
    provider_configure(type_, &harness->provider());
    harness->model(model());
    const std::string asked =
        endpoint == Endpoint::kChat ? R"({"role":"user","content":"Hi"})" : "\"Hi\"";
    const std::string input = endpoint == Endpoint::kChat ? "\"messages\":[" + asked + "]"
                              : legacy                    ? "\"prompt\":" + asked
                                                          : members;
    std::string body = R"({"model":"m",)" + input;
    if (kind_ != "embeddings" && !members.empty()) body += "," + members;
    const bool begun = harness->begin(body + "}");
    EXPECT_TRUE(begun) << harness->refusal().message;
    if (!begun) return nullptr;
    const auto sent = harness->begin_sending();
    EXPECT_TRUE(sent.has_value()) << sent.error().message;
    return sent ? std::move(harness) : nullptr;
  }

  Reply reply() {
    Reply reply;
    reply.status = static_cast<int>(json_integer(get("provider_status"), 200));
    JsonMembers members(get("provider_headers"));
    while (members.next()) {
      header_texts_.push_back(std::make_unique<std::pair<std::string, std::string>>(
          members.key(), plain(members.value())));
      const auto& [name, value] = *header_texts_.back();
      if (name == "content-type") reply.content_type = value;
      if (name == "retry-after") reply.retry_after = value;
      if (name == "retry-after-ms") reply.retry_after_ms = value;
      fields_.push_back({name, value});
    }
    reply.fields = fields_;
    return reply;
  }

  void calls_check(std::string_view expected, const SeenChoice& choice) {
    std::vector<SeenCall> calls;
    for (const auto& [index, call] : choice.calls) calls.push_back(call);
    size_t at = 0;
    JsonElements each(expected);
    while (each.next()) {
      ASSERT_LT(at, calls.size());
      const SeenCall& call = calls[at++];
      EXPECT_EQ(plain(json_member(each.value(), "id")), call.id);
      EXPECT_EQ(plain(json_member(each.value(), "name")), call.name);
      const std::string_view arguments = json_member(each.value(), "arguments");
      if (json_is_string(arguments) && plain(arguments) == call.arguments) continue;
      EXPECT_EQ(canonical(arguments), canonical(call.arguments.empty() ? "{}" : call.arguments));
    }
    EXPECT_EQ(at, calls.size());
  }

  void choice_check(std::string_view expected, const SeenChoice& choice) {
    const auto text = [&](std::string_view key, const std::string& value) {
      const std::string_view token = json_member(expected, key);
      if (!token.empty()) {
        EXPECT_EQ(plain(token), value) << key;
      }
    };
    text("content", choice.content);
    text("text", choice.content);
    text("reasoning_content", choice.reasoning);
    text("refusal", choice.refusal);
    text("finish_reason", choice.reason);
    const std::string_view calls = json_member(expected, "tool_calls");
    if (!calls.empty()) calls_check(calls, choice);
  }

  // Usage as the client sees it, and as the ledger does.
  void usage_check(std::string_view seen, const Usage& counted) {
    std::string_view usage = want("usage");
    // Some recordings name the counts beside the rest.
    if (usage.empty()) usage = expect_;
    const std::pair<std::string_view, int64_t> counts[] = {
        {"prompt_tokens", counted.prompt_tokens},
        {"completion_tokens", counted.completion_tokens},
        {"total_tokens", counted.total_tokens},
        {"cached_tokens", counted.cached_tokens},
        {"reasoning_tokens", counted.reasoning_tokens}};
    for (const auto& [key, count] : counts) {
      const int64_t wanted = json_integer(json_member(usage, key), -1);
      if (wanted < 0) continue;
      EXPECT_EQ(wanted, usage_count(seen, key)) << key;
      EXPECT_EQ(wanted, count) << key << " for the ledger";
    }
  }

  void seen_check(const Seen& seen) {
    EXPECT_EQ("", seen.broken);
    // Azure begins its streams with an empty id.
    if (json_inner(want("id")) != "") {
      EXPECT_EQ(plain(want("id")), seen.id);
    }
    if (!want("model").empty()) {
      EXPECT_EQ(plain(want("model")), seen.model);
    }
    JsonElements several(want("choices"));
    size_t count = 0;
    while (several.next()) {
      const int64_t index = json_integer(json_member(several.value(), "index"), 0);
      ++count;
      EXPECT_TRUE(seen.choices.contains(index));
      if (seen.choices.contains(index)) choice_check(several.value(), seen.choices.at(index));
    }
    if (count != 0) {
      EXPECT_EQ(count, seen.choices.size());
      return;
    }
    const int64_t index = json_integer(want("index"), 0);
    choice_check(expect_, seen.choices.contains(index) ? seen.choices.at(index) : SeenChoice{});
  }

  bool check_answer() {
    const auto harness = begin("");
    if (harness == nullptr) return true;
    StreamFacts facts;
    static_cast<void>(usage_read(json_member(body_, "usage"), &facts.usage));
    const auto answer = harness->answer(body_, &facts);
    EXPECT_TRUE(answer.has_value());
    if (!answer) return true;
    Seen seen;
    answer_see(json_trim(*answer), &seen);
    seen_check(seen);
    usage_check(seen.usage, facts.usage);
    return true;
  }

  bool check_stream() {
    const auto harness = begin(R"("stream":true,"stream_options":{"include_usage":true})");
    if (harness == nullptr) return true;
    const Streamed whole = harness->stream(body_, 0, true);
    stream_check(whole);
    const auto same = [&](const Streamed& again) {
      EXPECT_EQ(whole.client, again.client);
      EXPECT_EQ(whole.facts.finished_choices, again.facts.finished_choices);
      EXPECT_EQ(whole.facts.usage.total_tokens, again.facts.usage.total_tokens);
    };
    same(harness->stream(body_, 1, true));
    if (const int64_t size = json_integer(get("feed_chunk_size"), 0); size > 0) {
      same(harness->stream(body_, static_cast<size_t>(size), true));
    }
    for (int round = 0; round < 3; ++round) {
      same(harness->stream_cut(body_, true, [&] { return 1 + (*random_)() % 200; }));
    }
    return true;
  }

  void stream_check(const Streamed& whole) {
    const Seen seen = stream_see(whole.client);
    seen_check(seen);
    usage_check(seen.usage, whole.facts.usage);
    const std::string_view error = want("stream_error");
    if (error.empty()) {
      EXPECT_FALSE(whole.facts.error || whole.refused) << whole.refusal;
      EXPECT_EQ(0u, whole.facts.finished_choices & ~whole.facts.seen_choices);
      return;
    }
    EXPECT_TRUE(whole.facts.error);
    EXPECT_FALSE(seen.done);
    EXPECT_NE(std::string::npos, seen.error.find(plain(json_member(error, "message"))))
        << whole.client;
    EXPECT_EQ(plain(want("content")).empty(), whole.first_is_error);
  }

  // Asked for numbers and for base64; the provider's reply is the same.
  bool check_embeddings() {
    const int64_t wanted = json_integer(want("embeddings"), 1);
    std::string input = "\"input\":[";
    for (int64_t i = 0; i < wanted; ++i) input += i == 0 ? "\"Hi\"" : ",\"Hi\"";
    for (const std::string format : {"float", "base64"}) {
      const auto harness = begin(input + "],\"encoding_format\":\"" + format + "\"");
      if (harness == nullptr) return true;
      StreamFacts facts;
      static_cast<void>(usage_read(json_member(body_, "usage"), &facts.usage));
      const auto answer = harness->answer(body_, &facts, reply());
      EXPECT_TRUE(answer.has_value());
      if (!answer) return true;
      int64_t count = 0;
      JsonElements lengths(want("dims"));
      JsonElements entries(json_member(*answer, "data"));
      while (entries.next() && lengths.next()) {
        ++count;
        EXPECT_EQ(json_integer(lengths.value(), 0),
                  vector_length(json_member(entries.value(), "embedding")));
      }
      EXPECT_EQ(wanted, count);
      EXPECT_FALSE(entries.next());
      if (!want("model").empty()) {
        EXPECT_EQ(plain(want("model")), plain(json_member(*answer, "model")));
      }
      usage_check(json_member(*answer, "usage"), facts.usage);
    }
    return true;
  }

  static int status_shown(int status) {
    if (status == 529 || status == 503) return 503;
    if (status == 408 || status == 504) return 504;
    return status == 424 || status >= 500 ? 502 : status;
  }

  bool check_error() {
    const auto harness = begin("");
    if (harness == nullptr) return true;
    const UpstreamError error = harness->error(reply(), body_);
    const std::string_view suggested = want("suggested");
    const auto wish = [&](std::string_view key, std::string_view fallback) {
      const std::string_view first = json_member(suggested, key);
      return first.empty() ? want(fallback) : first;
    };
    if (!want("error_message").empty()) {
      EXPECT_EQ(plain(want("error_message")), error.message);
    }
    const int64_t wanted = json_integer(wish("http_status", "http_status"), 0);
    int status = status_shown(static_cast<int>(wanted));
    // Bedrock calls an unknown model a malformed request.
    if (error.wire_code == "model_not_found") status = 404;
    EXPECT_EQ(status, error.status);
    std::string code = plain(wish("code", "provider_error_code"));
    if (code == "model_not_supported") code = "model_not_found";  // OpenAI's word for it
    // A number that repeats the status is no code.
    if (!error.wire_code.empty() && !code.empty() &&
        code.find_first_not_of("0123456789") != code.npos) {
      EXPECT_EQ(code, error.wire_code);
    }
    const std::string type = plain(json_member(suggested, "type"));
    if (type == "insufficient_quota") {
      EXPECT_EQ(Errc::kUpstreamQuota, error.code);
    }
    if (type == "rate_limit_error") {
      EXPECT_EQ(Errc::kUpstreamRateLimited, error.code);
    }
    if (const auto again = wish("retryable", "retryable"); !again.empty()) {
      const bool retried = error.fault == Fault::kTarget || error.fault == Fault::kTimeout ||
                           error.fault == Fault::kRateLimit;
      EXPECT_EQ(again == "true", retried);
    }
    if (const std::string after = plain(want("retry_after")); !after.empty()) {
      EXPECT_EQ(std::atoll(after.c_str()) * 1000, error.retry_after_ms);
    }
    return true;
  }

  // An answer that must be fetched: where the adapter goes for it.
  bool check_polling() {
    const auto harness = begin("");
    if (harness == nullptr) return true;
    const Padded padded(body_);
    Reply head = reply();
    EXPECT_TRUE(harness->adapter().inspect(harness->call(), head));
    head.body = padded.view();
    harness->call().reply = &head;
    const auto step = harness->begin_sending();
    EXPECT_TRUE(step.has_value());
    if (!step) return true;
    EXPECT_TRUE(step->request.is_get);
    EXPECT_TRUE(step->request.second_place);
    const std::string sent(step->request.head);
    const std::string url = plain(want("poll_url"));
    const size_t path = url.find('/', 8);
    EXPECT_EQ(0u, sent.find("GET " + url.substr(path) + " HTTP/1.1\r\n")) << sent;
    const std::string place = harness->adapter().second_url(harness->provider());
    EXPECT_EQ(0u, url.find(place)) << place;
    return true;
  }

  std::string type_;
  const std::string& text_;
  std::mt19937* random_;
  std::string kind_;
  std::string body_;
  std::string_view expect_;
  std::vector<std::unique_ptr<std::pair<std::string, std::string>>> header_texts_;
  std::vector<HeaderField> fields_;
};

TEST(Recorded, ExchangesComeThrough) {
  const fs::path root = fixtures_dir();
  if (!fs::exists(root)) GTEST_SKIP() << "no recordings at " << root << "; set WEIR_FIXTURES";
  const unsigned seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  std::map<std::string, std::pair<int, int>> counts;
  for (const auto& entry : fs::recursive_directory_iterator(root)) {
    if (entry.path().extension() != ".json") continue;
    SCOPED_TRACE(entry.path().string());
    const std::string type = entry.path().parent_path().filename().string();
    std::ifstream file(entry.path(), std::ios::binary);
    const std::string text{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
    Recording recording(type, text, &random);
    const bool compared = recording.check();
    auto& [done, skipped] = counts[type + " " + recording.kind()];
    ++(compared ? done : skipped);
  }
  int compared = 0;
  for (const auto& [name, count] : counts) {
    std::printf("recorded %s: %d compared, %d skipped\n", name.c_str(), count.first, count.second);
    compared += count.first;
  }
  EXPECT_GT(compared, 0);
}

}  // namespace
}  // namespace weir::test
