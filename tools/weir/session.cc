#include "session.h"

#include <cstdio>
#include <cstdlib>
#include <iterator>

#include "control/config_secret.h"

namespace weir::cli {

namespace {

constexpr size_t kMaxDocument = 4 << 20;
constexpr char kDefaultUrl[] = "http://127.0.0.1:8080";

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

std::string input_read() {
  std::string text;
  char block[4096];
  while (const size_t got = std::fread(block, 1, sizeof block, stdin)) {
    text.append(block, got);
    if (text.size() > kMaxDocument) throw UsageWrong{"the standard input is too large"};
  }
  return text;
}

// It becomes a header field.
std::string key_checked(std::string key, const std::string& where) {
  while (key.ends_with('\n') || key.ends_with('\r')) key.pop_back();
  for (const char c : key) {
    if (c > 0x20 && c < 0x7f) continue;
    throw UsageWrong{where + " holds a byte that is in no key"};
  }
  return key;
}

std::string key_find(const std::string& file) {
  if (!file.empty()) {
    const auto text = file_read(file, kMaxDocument);
    if (!text) throw UsageWrong{"--key-file: " + text.error()};
    return key_checked(*text, "--key-file");
  }
  std::string key = key_checked(environment("WEIR_KEY"), "WEIR_KEY");
  if (!key.empty()) return key;
  throw UsageWrong{"no key: set WEIR_KEY, or give --key-file weir-data/admin.key"};
}

}  // namespace

void Session::options_add(CLI::App* command) {
  command->add_option("--url", url_, "Where weir runs (default: WEIR_URL, else " +
                                         std::string(kDefaultUrl) + ")");
  command->add_option("--key-file", key_file_, "File with the key (default: the key in WEIR_KEY)");
  command->add_option("--ca-file", ca_file_, "Certificates to trust besides the system's (PEM)");
  command->add_flag("--json", json_, "Print the server's answer as it is");
}

RestReply Session::call(const char* method, const std::string& path, const std::string& body) {
  if (!client_) {
    std::string url = url_.empty() ? environment("WEIR_URL") : url_;
    if (url.empty()) url = kDefaultUrl;
    client_.emplace(Connection{url, key_find(key_file_), ca_file_});
  }
  return client_->call(method, path, body);
}

void Session::list(const std::string& path, const std::vector<Column>& columns) {
  const RestReply reply = call("GET", path, "");
  const auto answer = json_parse(reply.body);
  if (!answer) throw CallFailed{"the answer is no JSON; is it a weir? (--url)"};
  if (json_) {
    std::printf("%s\n", reply.body.c_str());
  } else {
    list_print(*answer, columns);
  }
}

void Session::usage(const std::string& path, const std::vector<std::string>& groups) {
  const RestReply reply = call("GET", path, "");
  const auto answer = json_parse(reply.body);
  const JsonTree* buckets = answer ? answer->member("data") : nullptr;
  if (buckets == nullptr) throw CallFailed{"the answer is no page of usage; is it a weir? (--url)"};
  if (json_) {
    std::printf("%s\n", reply.body.c_str());
    return;
  }
  JsonTree lines;
  lines.kind = JsonTree::Kind::kList;
  for (const JsonTree& bucket : buckets->items) {
    const JsonTree* results = bucket.member("results");
    const JsonTree* start = bucket.member("start_time");
    if (results == nullptr || start == nullptr) continue;
    for (JsonTree line : results->items) {
      line.members.push_back({"start_time", *start});
      lines.items.push_back(std::move(line));
    }
  }
  std::vector<Column> columns = {{"START", "start_time"}};
  for (const std::string& group : groups) columns.push_back({group.c_str(), group.c_str()});
  for (const Column& column : std::initializer_list<Column>{{"REQUESTS", "num_model_requests"},
                                                            {"INPUT", "input_tokens"},
                                                            {"OUTPUT", "output_tokens"},
                                                            {"COST", "cost"}}) {
    columns.push_back(column);
  }
  list_print(lines, columns);
  if (const std::string next = answer->text_of("next_page"); !next.empty()) {
    std::fprintf(stderr, "more: --page %s\n", next.c_str());
  }
}

void Session::show(const char* method, const std::string& path, const std::string& body,
                   const char* note) {
  const RestReply reply = call(method, path, body);
  const auto answer = json_parse(reply.body);
  if (!answer) throw CallFailed{"the answer is no JSON; is it a weir? (--url)"};
  if (json_) {
    std::printf("%s\n", reply.body.c_str());
  } else {
    object_print(*answer);
  }
  if (*note != '\0') std::fprintf(stderr, "%s\n", note);
}

void Session::act(const char* method, const std::string& path, const std::string& done,
                  const std::string& body) {
  const RestReply reply = call(method, path, body);
  if (!json_) {
    std::printf("%s\n", done.c_str());
  } else if (!reply.body.empty()) {
    std::printf("%s\n", reply.body.c_str());
  }
}

std::string secret_read(const std::string& source) {
  if (source == "-") {
    std::string text = input_read();
    while (text.ends_with('\n') || text.ends_with('\r')) text.pop_back();
    return text;
  }
  if (!source.starts_with("env:") && !source.starts_with("file:")) {
    throw UsageWrong{"a secret is given as env:NAME, file:PATH or - (standard input), because "
                     "others can read the command line"};
  }
  const auto value = secret_resolve(source, "");
  if (!value) throw UsageWrong{value.error()};
  return value->value.reveal();
}

std::string document_read(const std::string& option, const std::string& source) {
  if (source == "-") return input_read();
  if (!source.starts_with('@')) {
    throw UsageWrong{option + " takes @FILE or - (standard input), because others can read the "
                              "command line"};
  }
  const auto text = file_read(source.substr(1), kMaxDocument);
  if (!text) throw UsageWrong{option + ": " + text.error()};
  return *text;
}

}  // namespace weir::cli
