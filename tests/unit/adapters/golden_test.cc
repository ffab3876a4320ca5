// Goal: what each adapter writes, byte for byte, kept as text. Each file of tests/golden/<adapter>
// is one case: settings, then sections. The expected sections (sent, client, facts, error) are
// written anew with WEIR_GOLDEN_UPDATE=1; read the difference before committing it.
//
// Method: the harness plays the engine. A stream is fed whole, then byte by byte, then in pieces of
// 7 bytes; all must give the same.
#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>

#include "tests/shared/paths.h"
#include "tests/unit/adapters/harness.h"

namespace weir::test {
namespace {

namespace fs = std::filesystem;

struct Case {
  std::string title;
  std::vector<std::pair<std::string, std::string>> settings;
  std::vector<std::pair<std::string, std::string>> sections;

  std::string setting(std::string_view name, std::string_view otherwise = {}) const {
    for (const auto& [key, value] : settings) {
      if (key == name) return value;
    }
    return std::string(otherwise);
  }
  const std::string* section(std::string_view name) const {
    for (const auto& [key, value] : sections) {
      if (key == name) return &value;
    }
    return nullptr;
  }
};

Case case_read(const fs::path& path) {
  Case result;
  std::ifstream file(path, std::ios::binary);
  std::string line;
  bool in_section = false;
  while (std::getline(file, line)) {
    if (line.starts_with("--- ")) {
      result.sections.emplace_back(line.substr(4), "");
      in_section = true;
    } else if (in_section) {
      result.sections.back().second += line + "\n";
    } else if (line.starts_with("# ")) {
      result.title += line + "\n";
    } else if (const size_t colon = line.find(": "); colon != std::string::npos) {
      result.settings.emplace_back(line.substr(0, colon), line.substr(colon + 2));
    }
  }
  return result;
}

void case_write(const fs::path& path, const Case& one) {
  std::ofstream file(path, std::ios::binary);
  file << one.title;
  for (const auto& [key, value] : one.settings) file << key << ": " << value << "\n";
  for (const auto& [key, value] : one.sections) file << "--- " << key << "\n" << value;
}

std::string ended(std::string text) {
  if (!text.ends_with('\n')) text += '\n';
  return text;
}
std::string unended(std::string text) {
  if (text.ends_with('\n')) text.pop_back();
  return text;
}
std::string without_cr(std::string text) {
  std::erase(text, '\r');
  return text;
}

std::string with_crlf(const std::string& text) {
  std::string result;
  for (const char c : text) result += c == '\n' ? std::string("\r\n") : std::string(1, c);
  return result;
}

std::string facts_text(const StreamFacts& facts) {
  std::ostringstream out;
  const Usage& usage = facts.usage;
  out << "seen " << facts.seen_choices << ", finished " << facts.finished_choices << ", done "
      << facts.done << ", error " << facts.error << ", text bytes " << facts.text_bytes << "\n";
  if (usage.source == UsageSource::kProvider) {
    out << "usage: prompt " << usage.prompt_tokens << ", completion " << usage.completion_tokens
        << ", total " << usage.total_tokens << ", cached " << usage.cached_tokens << ", reasoning "
        << usage.reasoning_tokens << "\n";
  }
  return out.str();
}

std::string_view fault_name(Fault fault) {
  constexpr std::string_view kNames[] = {"none",       "target",  "timeout", "rate limit",
                                         "credential", "request", "client",  "gateway"};
  return kNames[static_cast<size_t>(fault)];
}

std::string_view errc_name(Errc code) {
  switch (code) {
    case Errc::kUpstreamRejected:
      return "upstream rejected";
    case Errc::kUpstreamRateLimited:
      return "upstream rate limited";
    case Errc::kUpstreamQuota:
      return "upstream quota";
    case Errc::kUpstreamAuth:
      return "upstream auth";
    case Errc::kUpstreamUnavailable:
      return "upstream unavailable";
    case Errc::kUpstreamOverloaded:
      return "upstream overloaded";
    default:
      return "other";
  }
}

std::string error_text(const UpstreamError& error) {
  std::ostringstream out;
  out << error.status << " " << errc_name(error.code) << ", fault: " << fault_name(error.fault)
      << "\ntype: " << error.type << "\ncode: " << error.wire_code << "\nparam: " << error.param
      << "\nmessage: " << error.message << "\nretry after: " << error.retry_after_ms << " ms\n";
  return out.str();
}

// Runs a case; the expected sections are replaced by what came out.
class Runner {
 public:
  Runner(const fs::path& path, std::string adapter) : path_(path), case_(case_read(path)) {
    std::replace(adapter.begin(), adapter.end(), '_', '-');
    const std::string endpoint = case_.setting("endpoint", "chat");
    harness_ =
        std::make_unique<Harness>(adapter, endpoint == "chat"          ? Endpoint::kChat
                                           : endpoint == "completions" ? Endpoint::kCompletions
                                                                       : Endpoint::kEmbeddings);
  }

  void run() {
    configure();
    if (const std::string* list = case_.section("model list")) return finish_models(*list);
    const std::string* request = case_.section("request");
    ASSERT_NE(request, nullptr);
    if (!harness_->begin(unended(*request))) {
      expect("client", "refused: " + std::string(harness_->refusal().message) + "\n");
      return finish();
    }
    if (harness_->adapter().local) return finish_local();
    expect("sent", ended(without_cr(harness_->sent())));
    if (const auto dropped = harness_->call().dropped_params; !dropped.empty()) {
      expect("dropped", ended(std::string(dropped)));
    }
    if (const std::string* reply = case_.section("reply")) run_reply(*reply);
    finish();
  }

 private:
  void configure() {
    Provider& provider = harness_->provider();
    for (const auto& [key, value] : case_.settings) {
      if (key.starts_with("option.")) provider.options.emplace_back(key.substr(7), value);
      if (key.starts_with("header.")) provider.headers.emplace_back(key.substr(7), value);
      if (key == "model") harness_->model(value);
      if (key == "base path") provider.base_path = value == "none" ? "" : value;
      if (key == "apikey") provider.credential = value == "none" ? "" : value;
      if (key == "auth errors") provider.mask_auth_errors = value != "passthrough";
      if (key == "strict") harness_->strict();
      if (key == "host") provider.host = provider.authority = value;
    }
    second_place_make(&provider);
  }

  // As the control plane does it, for a URL without a port.
  void second_place_make(Provider* provider) {
    const Adapter& adapter = harness_->adapter();
    const std::string url = adapter.second_url != nullptr ? adapter.second_url(*provider) : "";
    const size_t scheme = url.find("://");
    if (scheme == url.npos) return;
    const size_t host = scheme + 3;
    auto second = std::make_shared<Provider>(*provider);
    second->authority = url.substr(host, url.find('/', host) - host);
    second->base_path = url.substr(host + second->authority.size());
    provider->second = second;
  }

  // The adapter wants to see this reply itself; what it does then, up to its next request.
  bool run_inspected(const Reply& reply, const std::string& body) {
    const auto inspect = harness_->adapter().inspect;
    if (inspect == nullptr || !inspect(harness_->call(), reply)) return false;
    const Padded padded(body);
    Reply whole = reply;
    whole.body = padded.view();
    harness_->call().reply = &whole;
    std::string text;
    for (int i = 0; i < 5; ++i) {
      Step step;
      const auto done = harness_->next(&step);
      if (!done) text += "refused: " + std::string(done.error().message) + "\n";
      if (step.kind == StepKind::kFail) text += error_text(step.error);
      if (step.kind == StepKind::kWait) text += "[wait " + std::to_string(step.wait_ms) + " ms]\n";
      if (!done || step.kind == StepKind::kFail) break;
      if (step.kind != StepKind::kSend) continue;
      if (step.request.second_place) text += "[at the second place]\n";
      text += without_cr(std::string(step.request.head));
    }
    harness_->call().reply = nullptr;
    expect("goes on", text);
    return true;
  }

  void run_reply(const std::string& text) {
    Reply reply;
    const std::string status = case_.setting("status", "200");
    const std::string type = case_.setting("content type", "application/json");
    const std::string after = case_.setting("retry after");
    reply.status = std::atoi(status.c_str());
    reply.content_type = type;
    reply.retry_after = after;
    std::vector<HeaderField> fields;
    for (const auto& [key, value] : case_.settings) {
      if (key.starts_with("field.")) {
        fields.push_back({std::string_view(key).substr(6), value});
      }
    }
    reply.fields = fields;
    if (type.starts_with("text/event-stream")) return run_stream(text);
    const std::string body = unended(text);
    if (run_inspected(reply, body)) return;
    const Padded padded(body);
    ReplyView view;
    ReplyScanner scanner;
    const bool ok = scanner.scan(padded.view(), &view).has_value() && !view.has_error;
    if (reply.status >= 300 || !ok) {
      return expect("error", error_text(harness_->error(reply, body)));
    }
    StreamFacts facts;
    if (harness_->call().request.stream) {
      SliceList out;
      ASSERT_TRUE(json_to_chunks(harness_->call(), padded.view(), &out, &facts).has_value());
      expect("client", flat(out));
      return expect("facts", facts_text(facts));
    }
    const auto answer = harness_->answer(body, &facts);
    expect("client",
           answer ? ended(*answer) : "refused: " + std::string(answer.error().message) + "\n");
    if (harness_->adapter().transform_response != nullptr) expect("facts", facts_text(facts));
  }

  void run_stream(std::string bytes) {
    if (case_.setting("line ends") == "crlf") bytes = with_crlf(bytes);
    if (case_.setting("last line end") == "none") bytes = unended(bytes);
    const bool ends = case_.setting("connection") != "breaks";
    const Streamed whole = harness_->stream(bytes, 0, ends);
    const std::string client = stream_text(whole);
    for (const size_t step : {1u, 7u, 100u}) {
      const Streamed again = harness_->stream(bytes, step, ends);
      EXPECT_EQ(client, stream_text(again)) << "fed in pieces of " << step;
      EXPECT_EQ(facts_text(whole.facts), facts_text(again.facts)) << "in pieces of " << step;
    }
    expect("client", without_cr(client));
    expect("facts", facts_text(whole.facts));
  }

  static std::string stream_text(const Streamed& result) {
    std::string text = result.client;
    if (result.refused) text += "refused: " + std::string(result.refusal) + "\n";
    if (result.first_is_error) text += "as a failed reply: " + error_text(result.error);
    return text;
  }

  void finish_local() {
    std::string text;
    for (int i = 0; i < 1000; ++i) {
      Step step;
      const auto done = harness_->next(&step);
      if (!done) {
        text += "[refused: " + std::string(done.error().message) + "]\n";
        break;
      }
      if (step.kind == StepKind::kFail) {
        text += "[fails]\n" + error_text(step.error);
        break;
      }
      if (step.kind == StepKind::kWait) {
        text += "[wait " + std::to_string(step.wait_ms) + " ms]\n";
        continue;
      }
      using enum LocalReply::Part;
      if (step.reply.part == kHead) {
        text += "[" + std::to_string(step.reply.status) + " " +
                std::string(step.reply.content_type) + "]\n";
      }
      if (step.reply.part == kBody) text += ended(std::string(step.reply.data));
      if (step.reply.part == kEnd) text += "[end]\n";
      if (step.reply.part == kCut) text += "[cut]\n";
      if (step.reply.part == kEnd || step.reply.part == kCut) break;
    }
    expect("client", text);
    finish();
  }

  void finish_models(std::string body) {
    if (const auto request = harness_->adapter().list_request; request != nullptr) {
      ListRequest list;
      const auto done =
          request({.provider = harness_->provider(), .token = {}, .cursor = {}}, &list);
      expect("sent",
             done ? without_cr(list.head) : "refused: " + std::string(done.error().message));
    }
    Arena arena;
    std::array<ModelName, 4> storage{};
    const std::span<ModelName> names(storage);
    const Adapter& adapter = harness_->adapter();
    const auto list = adapter.list_models != nullptr ? adapter.list_models : openai_list_models;
    std::string_view cursor;
    const auto count = list(body, arena, names, &cursor);
    std::ostringstream out;
    if (!count) out << "refused: " << count.error().message << "\n";
    for (size_t i = 0; i < count.value_or(0); ++i) {
      out << names[i].id << " by " << names[i].owned_by << ", created " << names[i].created << "\n";
    }
    if (!cursor.empty()) out << "goes on at " << cursor << "\n";
    expect("models", out.str());
    finish();
  }

  void expect(const std::string& name, const std::string& text) {
    for (auto& [key, value] : case_.sections) {
      if (key != name) continue;
      if (!updating()) {
        EXPECT_EQ(value, text) << "section " << name;
      }
      value = text;
      return;
    }
    if (!updating()) ADD_FAILURE() << "section " << name << " is not expected:\n" << text;
    case_.sections.emplace_back(name, text);
  }
  void finish() {
    if (updating()) case_write(path_, case_);
  }
  static bool updating() { return std::getenv("WEIR_GOLDEN_UPDATE") != nullptr; }

  fs::path path_;
  Case case_;
  std::unique_ptr<Harness> harness_;
};

std::vector<fs::path> case_paths() {
  std::vector<fs::path> paths;
  for (const auto& entry : fs::recursive_directory_iterator(source_dir() / "tests/golden")) {
    if (entry.path().extension() == ".txt") paths.push_back(entry.path());
  }
  std::sort(paths.begin(), paths.end());
  return paths;
}

class Golden : public testing::TestWithParam<fs::path> {};

TEST_P(Golden, Case) {
  SCOPED_TRACE(GetParam().string());
  Runner(GetParam(), GetParam().parent_path().filename().string()).run();
}

std::string case_name(const testing::TestParamInfo<fs::path>& tested) {
  const fs::path& path = tested.param;
  std::string name = path.parent_path().filename().string() + "_" + path.stem().string();
  std::replace_if(name.begin(), name.end(), [](char c) { return c == '-' || c == '.'; }, '_');
  return name;
}

INSTANTIATE_TEST_SUITE_P(Files, Golden, testing::ValuesIn(case_paths()), case_name);

TEST(GoldenFiles, EveryAdapterHasCases) {
  for (const Adapter* adapter : adapter_registry()) {
    std::string folder(adapter->name);
    std::replace(folder.begin(), folder.end(), '-', '_');
    EXPECT_TRUE(fs::exists(source_dir() / "tests/golden" / folder)) << folder;
  }
}

}  // namespace
}  // namespace weir::test
