#include "body.h"

#include <fstream>
#include <iterator>
#include <stdexcept>
#include <string_view>

namespace weir::load {
namespace {

// JSON string text, already escaped: line ends, quotes, backslashes, a \u escape, wide characters.
constexpr std::string_view kText =
    "Look at this:\\n\\tif (name == \\\"river\\\") {\\n\\t  path = "
    "\\\"C:\\\\\\\\gate\\\";\\n\\t}\\n"
    "It said \\u00e9t\\u00e9 and \xC3\xA9t\xC3\xA9, 50\\u20ac \xE2\x82\xAC; then {\\\"a\\\": [1, "
    "2]}. ";
constexpr std::string_view kPlain = "The gate opens slowly and the water runs on below. ";
// Behind each kText: together an escape every 55 bytes, as in the bodies of bench/.
constexpr int kPlainPerText = 16;

std::string text_make(std::size_t len) {
  std::string out;
  for (int i = 0; out.size() + kText.size() + kPlain.size() < len; ++i) {
    if (i % kPlainPerText == 0) out += kText;
    out += kPlain;
  }
  // The rest is single letters, so that no escape or character is cut.
  if (out.size() < len) out.append(len - out.size(), 'w');
  return out;
}

std::string body_around(const Options& options, std::string_view text) {
  const std::string model = "\"model\":\"" + options.model + "\"";
  std::string out = "{";
  if (!options.model_last) out += model + ",";
  out +=
      "\"messages\":[{\"role\":\"system\",\"content\":\"You are brief.\"},"
      "{\"role\":\"user\",\"content\":\"";
  out += text;
  out += "\"}],\"temperature\":0.2,\"max_tokens\":256";
  if (options.stream) out += ",\"stream\":true";
  if (options.include_usage) out += ",\"stream_options\":{\"include_usage\":true}";
  if (options.model_last) out += "," + model;
  return out += "}";
}

}  // namespace

std::string body_make(const Options& options) {
  if (!options.body_file.empty()) {
    std::ifstream file(options.body_file, std::ios::binary);
    if (!file) throw std::runtime_error("cannot read " + options.body_file);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  const std::size_t bare = body_around(options, "").size();
  return body_around(options, text_make(options.body_bytes > bare ? options.body_bytes - bare : 1));
}

std::string request_make(const Options& options) {
  const bool has_body = options.method != "GET";
  const std::string body = has_body ? body_make(options) : std::string();
  const std::string host =
      options.host.find(':') == std::string::npos ? options.host : "[" + options.host + "]";
  std::string out = options.method + " " + options.path + " HTTP/1.1\r\nHost: " + host + ":" +
                    options.port + "\r\nUser-Agent: weir_load\r\nAccept: */*\r\n";
  if (!options.key.empty()) out += "Authorization: Bearer " + options.key + "\r\n";
  if (has_body) {
    out +=
        "Content-Type: application/json\r\nContent-Length: " + std::to_string(body.size()) + "\r\n";
  }
  for (const std::string& header : options.headers) out += header + "\r\n";
  if (options.reconnect) out += "Connection: close\r\n";
  return out + "\r\n" + body;
}

std::size_t max_tokens_at(const std::string& request) {
  constexpr std::string_view kName = "\"max_tokens\":";
  return request.rfind(kName) + kName.size();
}

}  // namespace weir::load
