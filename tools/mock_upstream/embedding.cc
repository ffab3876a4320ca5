#include "embedding.h"

#include <openssl/evp.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>

#include "echo.h"
#include "json_text.h"

namespace weir::mock {
namespace {

constexpr std::size_t kDefaultDimensions = 8;
constexpr std::size_t kMaxDimensions = 8192;

// A list of texts or of token lists has one input per member; a flat list of tokens is one input.
std::size_t count_inputs(std::string_view body) {
  const auto input = json_find(body, "input");
  if (!input || !input->starts_with('[')) return 1;
  std::size_t depth = 0;
  std::size_t commas = 0;
  bool in_string = false;
  bool nested = false;
  for (std::size_t i = 0; i < input->size(); ++i) {
    const char c = (*input)[i];
    if (in_string) {
      if (c == '\\') ++i;
      in_string = c != '"';
      continue;
    }
    if (c == '"') in_string = true;
    if (depth == 1 && (c == '"' || c == '[')) nested = true;
    if (c == '[') ++depth;
    if (c == ']' && --depth == 0) break;
    if (c == ',' && depth == 1) ++commas;
  }
  return nested ? commas + 1 : 1;
}

// Eighths are exact in binary and in three decimals, so both forms say the same.
double value_at(std::size_t input, std::size_t i) {
  return static_cast<double>((input * 7 + i * 3) % 17) / 8.0 - 1.0;
}

std::string vector_json(std::size_t input, std::size_t dimensions, bool base64) {
  if (!base64) {
    std::string out = "[";
    for (std::size_t i = 0; i < dimensions; ++i) {
      char number[32];
      std::snprintf(number, sizeof number, "%s%.3f", i == 0 ? "" : ",", value_at(input, i));
      out += number;
    }
    return out + "]";
  }
  std::string raw(dimensions * sizeof(float), '\0');
  for (std::size_t i = 0; i < dimensions; ++i) {
    const auto value = static_cast<float>(value_at(input, i));
    std::memcpy(raw.data() + i * sizeof value, &value, sizeof value);
  }
  std::string text((raw.size() + 2) / 3 * 4 + 1, '\0');
  const int len = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()),
                                  reinterpret_cast<const unsigned char*>(raw.data()),
                                  static_cast<int>(raw.size()));
  text.resize(static_cast<std::size_t>(len));
  return "\"" + text + "\"";
}

std::size_t dimensions_of(std::string_view body) {
  const auto value = json_find(body, "dimensions");
  if (!value) return kDefaultDimensions;
  const unsigned long count = std::strtoul(std::string(value->substr(0, 8)).c_str(), nullptr, 10);
  return std::clamp<std::size_t>(count, 1, kMaxDimensions);
}

}  // namespace

std::string embedding_body(const Script& script, const Request& request) {
  const bool base64 = json_find_string(request.body, "encoding_format") == "base64";
  const std::size_t inputs = count_inputs(request.body);
  const std::size_t dimensions = dimensions_of(request.body);
  std::string out = "{\"object\":\"list\",\"data\":[";
  for (std::size_t i = 0; i < inputs; ++i) {
    if (i > 0) out += ',';
    out += "{\"object\":\"embedding\",\"index\":" + std::to_string(i) +
           ",\"embedding\":" + vector_json(i, dimensions, base64) + "}";
  }
  out += "],\"model\":" + json_quote(json_find_string(request.body, "model"));
  if (script.echo) out += ",\"mock_echo\":" + json_quote(echo_text(request));
  if (script.usage != UsageMode::kNever) {
    const std::string tokens = std::to_string(script.prompt_tokens);
    out += ",\"usage\":{\"prompt_tokens\":" + tokens + ",\"total_tokens\":" + tokens + "}";
  }
  return out + "}";
}

}  // namespace weir::mock
