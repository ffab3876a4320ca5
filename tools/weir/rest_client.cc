#include "rest_client.h"

#include <utility>

#include "control/curl_library.h"
#include "json_tree.h"

namespace weir::cli {

namespace {

constexpr long kTimeoutS = 60;
constexpr size_t kMaxAnswer = 256 << 20;

size_t take(char* data, size_t, size_t size, void* context) {
  auto* body = static_cast<std::string*>(context);
  if (body->size() + size > kMaxAnswer) return 0;
  body->append(data, size);
  return size;
}

// What the server says went wrong, in its own words.
std::string error_line(long status, const std::string& body) {
  const std::string number = "status " + std::to_string(status);
  const auto tree = json_parse(body);
  const JsonTree* error = tree ? tree->member("error") : nullptr;
  if (error == nullptr || error->member("message") == nullptr) {
    return "the server answered with " + number + "; is it a weir? (--url)";
  }
  std::string line = error->text_of("message") + " (" + number;
  if (const std::string code = error->text_of("code"); !code.empty()) line += ", " + code;
  if (const std::string field = error->text_of("param"); !field.empty()) {
    line += ", field " + field;
  }
  return line + ")";
}

}  // namespace

RestClient::RestClient(Connection connection) : connection_(std::move(connection)) {
  if (const CurlLibrary* curl = curl_library()) easy_ = curl->easy_init();
  while (connection_.url.ends_with('/')) connection_.url.pop_back();
}

RestClient::~RestClient() {
  if (easy_ != nullptr) curl_library()->easy_cleanup(easy_);
}

RestReply RestClient::call(const char* method, const std::string& path, const std::string& body) {
  RestReply reply;
  if (easy_ == nullptr) throw CallFailed{curl_missing()};
  const CurlLibrary& curl = *curl_library();
  curl.easy_reset(easy_);
  const std::string url = connection_.url + path;
  const std::string key = "Authorization: Bearer " + connection_.key;
  curl_slist* fields = curl.slist_append(nullptr, key.c_str());
  if (!body.empty()) fields = curl.slist_append(fields, "Content-Type: application/json");
  fields = curl.slist_append(fields, "Expect:");
  curl.easy_setopt(easy_, CURLOPT_URL, url.c_str());
  curl.easy_setopt(easy_, CURLOPT_PROTOCOLS_STR, "http,https");
  curl.easy_setopt(easy_, CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1);
  curl.easy_setopt(easy_, CURLOPT_TIMEOUT, kTimeoutS);
  curl.easy_setopt(easy_, CURLOPT_HTTPHEADER, fields);
  curl.easy_setopt(easy_, CURLOPT_WRITEFUNCTION, &take);
  curl.easy_setopt(easy_, CURLOPT_WRITEDATA, &reply.body);
  if (!connection_.ca_file.empty()) {
    curl.easy_setopt(easy_, CURLOPT_CAINFO, connection_.ca_file.c_str());
  }
  if (!body.empty() || std::string_view(method) == "POST") {
    curl.easy_setopt(easy_, CURLOPT_POSTFIELDS, body.c_str());
    curl.easy_setopt(easy_, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(body.size()));
  }
  curl.easy_setopt(easy_, CURLOPT_CUSTOMREQUEST, method);
  const CURLcode result = curl.easy_perform(easy_);
  curl.slist_free_all(fields);
  if (result != CURLE_OK) {
    throw CallFailed{"cannot reach " + connection_.url + ": " + curl.easy_strerror(result) +
                     "; is weir running there? (--url or WEIR_URL)"};
  }
  curl.easy_getinfo(easy_, CURLINFO_RESPONSE_CODE, &reply.status);
  if (reply.status < 200 || reply.status > 299) {
    throw CallFailed{error_line(reply.status, reply.body), reply.status};
  }
  return reply;
}

std::string segment(std::string_view text) {
  static constexpr char kHex[] = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    const bool plain = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                       c == '-' || c == '.' || c == '_' || c == '~';
    if (plain) {
      out += c;
    } else {
      out += {'%', kHex[byte >> 4], kHex[byte & 15]};
    }
  }
  return out;
}

}  // namespace weir::cli
