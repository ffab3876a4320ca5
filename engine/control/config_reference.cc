#include "control/config_reference.h"

#include <algorithm>

#include "control/config_crn.h"

namespace weir {

namespace {

constexpr size_t kMaxPath = 1024, kMaxField = 128;

bool is_text(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte >= 0x20 && byte != 0x7f;
  });
}

// Segments that a server could fold, or read as the end of the path, would lead to another secret.
const char* vault_path_problem(std::string_view path) {
  if (path.empty()) return "vault: needs a path, as in vault:secret/openai#apikey";
  if (path.size() > kMaxPath || !is_text(path)) return "the vault path is no printable text";
  if (path.find_first_of("?%\\") != std::string_view::npos) {
    return "a vault path may not hold ?, % or \\";
  }
  for (size_t from = 0; from <= path.size();) {
    const size_t slash = std::min(path.find('/', from), path.size());
    const std::string_view segment = path.substr(from, slash - from);
    if (segment.empty() || segment == "." || segment == "..") {
      return "a vault path may not have empty segments, . or ..";
    }
    from = slash + 1;
  }
  return nullptr;
}

}  // namespace

std::expected<SecretReference, const char*> reference_parse(std::string_view text, bool whole) {
  using Kind = SecretReference::Kind;
  SecretReference out;
  if (text.starts_with("env:") || text.starts_with("file:")) {
    const size_t colon = text.find(':');
    out.kind = text.starts_with("env:") ? Kind::kEnvironment : Kind::kFile;
    out.place = text.substr(colon + 1);
    if (out.place.empty() || out.place.find('\0') != std::string::npos) {
      return std::unexpected("needs a name behind env: and a path behind file:");
    }
    return out;
  }
  const bool vault = text.starts_with("vault:");
  if (!vault && !text.starts_with("crn:")) return out;
  if (vault) text.remove_prefix(6);
  out.kind = vault ? Kind::kVault : Kind::kSecretsManager;
  const size_t hash = text.find('#');
  out.place = text.substr(0, hash);
  if (hash != std::string_view::npos) {
    out.field = text.substr(hash + 1);
    if (out.field.empty() || out.field.size() > kMaxField || !is_text(out.field)) {
      return std::unexpected("needs the name of a field behind #");
    }
  }
  if (vault) {
    if (const char* problem = vault_path_problem(out.place)) return std::unexpected(problem);
    if (out.field.empty() && !whole) {
      return std::unexpected("vault: needs a field, as in vault:secret/openai#apikey");
    }
  } else if (const auto crn = secret_crn_parse(out.place); !crn) {
    return std::unexpected(crn.error());
  }
  return out;
}

}  // namespace weir
