// Goal: any target and fields can be signed, and what may be sent in any order (fields of different
// names, parameters) is signed the same in any order. The input is lines: a target, then fields.
#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <string>
#include <vector>

#include "adapters/bedrock/sigv4.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

namespace {

using namespace weir;

std::string sign(std::string_view target, std::span<const HeaderField> fields) {
  Arena arena;
  const SigV4Request request{.method = "GET",
                             .target = target,
                             .fields = fields,
                             .body_hash = "hash",
                             .timestamp = "20250315T123456Z"};
  const auto made = sigv4_sign(request, {"id", "secret", "region", "service"}, arena);
  if (!made) return {};
  if (made->signature.size() != 64) std::abort();
  return std::string(made->canonical_request) + std::string(made->authorization);
}

std::string rotated(std::string_view target) {
  const size_t question = std::min(target.find('?'), target.size());
  const size_t end = target.find('&', question);
  if (end == target.npos) return std::string(target);
  const std::string_view first = target.substr(question + 1, end - question - 1);
  return std::string(target.substr(0, question)) + "?" + std::string(target.substr(end + 1)) + "&" +
         std::string(first);
}

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return out;
}

// Those of one name stay in their order, which is that of their memory.
bool name_less(const HeaderField& a, const HeaderField& b) {
  const std::string first = lower(a.name);
  const std::string second = lower(b.name);
  return first != second ? first < second : a.value.data() < b.value.data();
}

}  // namespace

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size > 4096) return 0;
  std::string_view text(reinterpret_cast<const char*>(data), size);
  std::vector<HeaderField> fields;
  std::string_view target = text.substr(0, text.find('\n'));
  while (text.find('\n') != text.npos) {
    text.remove_prefix(text.find('\n') + 1);
    const std::string_view line = text.substr(0, text.find('\n'));
    const size_t colon = std::min(line.find(':'), line.size());
    fields.push_back({line.substr(0, colon), line.substr(colon)});
  }
  const std::string made = sign(target, fields);
  if (made != sign(rotated(target), fields)) std::abort();
  std::sort(fields.begin(), fields.end(), name_less);
  if (made != sign(target, fields)) std::abort();
  return 0;
}
