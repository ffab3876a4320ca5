#include "sim_recorded.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "base/check.h"
#include "sim_http.h"
#include "tests/shared/paths.h"
#include "tests/unit/adapters/recorded_seen.h"

namespace weir {

namespace {

namespace fs = std::filesystem;

std::string text_of(std::string_view object, std::string_view key) {
  return test::plain(json_member(object, key));
}

}  // namespace

std::vector<SimRecording> sim_recordings() {
  const fs::path root = test::fixtures_dir();
  std::vector<SimRecording> all;
  if (!fs::exists(root)) return all;
  for (const auto& entry : fs::recursive_directory_iterator(root)) {
    if (entry.path().extension() != ".json") continue;
    std::ifstream file(entry.path(), std::ios::binary);
    const std::string json{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
    if (text_of(json, "kind") != "stream") continue;
    SimRecording one;
    one.name = entry.path().string();
    one.type = entry.path().parent_path().filename().string();
    one.body = text_of(json, "provider_body");
    if (text_of(json, "encoding") == "base64") one.body = test::base64_decode(one.body);
    std::string type = text_of(json_member(json, "provider_headers"), "content-type");
    if (type.empty()) type = "text/event-stream";
    one.head = "HTTP/1.1 200 OK\r\nContent-Type: " + type +
               "\r\nContent-Length: " + std::to_string(one.body.size()) + "\r\n\r\n";
    all.push_back(std::move(one));
  }
  return all;
}

SimRecordedWorld::SimRecordedWorld(const std::string& type) {
  Provider& provider = world_.add_provider(type);
  if (type == "bedrock") {
    provider.options = {
        {"region", "us-east-1"}, {"access_key_id", "AKIDEXAMPLE"}, {"secret_access_key", "key"}};
  }
  if (type == "azure-openai") provider.options = {{"api_version", "2024-10-21"}};
  if (type == "watsonxai") provider.options = {{"project_id", "project"}};
  provider.credential = type == "bedrock" ? "" : "upstream-secret";
  world_.limited = true;
  SimRoute& route = world_.add_route("m", {0});
  route.suspend_ms = 0;
  if (provider.adapter->token_request != nullptr) {
    provider.token_slot = 0;
    world_.worker->tokens.entries.resize(1);
    world_.worker->tokens.entries[0] = {"token", SimWorld::kStartUnixMs * 2, 1, false};
  }
  world_.publish();
}

LedgerRecord SimRecordedWorld::play(const SimRecording& recording, size_t cut, SimEnd end) {
  const size_t before = world_.records.size();
  SimPeer* client = world_.connect(sim_stream());
  WEIR_CHECK(world_.dials() == before + 1);
  SimPeer* upstream = world_.upstream(before);
  upstream->send(recording.head);
  upstream->send(std::string_view(recording.body).substr(0, cut));
  world_.run();
  if (end == SimEnd::kClientGone) client->reset();
  if (end == SimEnd::kUpstreamFin) upstream->fin();
  if (end == SimEnd::kUpstreamReset) upstream->reset();
  world_.run();
  // Whatever is left open: the next play begins with connections of its own.
  upstream->reset();
  client->reset();
  world_.run();
  WEIR_CHECK(world_.records.size() == before + 1);
  const MetricsBlock& m = world_.metrics();
  WEIR_CHECK(m.in_flight == 0 && m.reserved_tokens - m.refunded_tokens == m.settled_tokens);
  return world_.records.back();
}

}  // namespace weir
