#include "control/config_crn.h"

#include <algorithm>
#include <cstddef>

namespace weir {

namespace {

constexpr size_t kMaxCrn = 1024;
constexpr size_t kMaxHostLabel = 63;

bool is_label_byte(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-';
}

bool is_label(std::string_view text) {
  return !text.empty() && text.size() <= kMaxHostLabel && text.front() != '-' &&
         text.back() != '-' && std::all_of(text.begin(), text.end(), is_label_byte);
}

bool is_printable(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c > 0x20 && c < 0x7f; });
}

// The part in front of the next colon, which is removed with it.
bool part_take(std::string_view* rest, std::string_view* out) {
  const size_t colon = rest->find(':');
  if (colon == std::string_view::npos) return false;
  *out = rest->substr(0, colon);
  rest->remove_prefix(colon + 1);
  return true;
}

}  // namespace

std::expected<Crn, const char*> crn_parse(std::string_view text) {
  if (text.size() > kMaxCrn) return std::unexpected("the CRN is longer than 1024 bytes");
  if (!is_printable(text)) return std::unexpected("the CRN holds a byte that may not stand in one");
  std::string_view prefix, version;
  Crn crn;
  const bool whole = part_take(&text, &prefix) && part_take(&text, &version) &&
                     part_take(&text, &crn.cname) && part_take(&text, &crn.ctype) &&
                     part_take(&text, &crn.service) && part_take(&text, &crn.region) &&
                     part_take(&text, &crn.scope) && part_take(&text, &crn.instance) &&
                     part_take(&text, &crn.resource_type);
  if (!whole) return std::unexpected("a CRN has ten parts, joined by colons");
  crn.resource = text;
  if (prefix != "crn") return std::unexpected("a CRN begins with \"crn:\"");
  if (version != "v1") return std::unexpected("only version v1 of CRNs is known");
  return crn;
}

std::expected<Crn, const char*> secret_crn_parse(std::string_view text) {
  auto crn = crn_parse(text);
  if (!crn) return crn;
  if (crn->service != "secrets-manager" || crn->resource_type != "secret") {
    return std::unexpected("the CRN names no secret of Secrets Manager");
  }
  if (!is_label(crn->region) || !is_label(crn->instance)) {
    return std::unexpected("the CRN's region and instance may hold letters, digits and hyphens");
  }
  const auto plain = [](char c) { return is_label_byte(c) || c == '_'; };
  if (crn->resource.empty() ||
      !std::all_of(crn->resource.begin(), crn->resource.end(), plain)) {
    return std::unexpected("the id of the CRN's secret may hold letters, digits and hyphens");
  }
  return crn;
}

}  // namespace weir
