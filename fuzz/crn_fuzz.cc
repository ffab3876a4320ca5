// Goal: a CRN that is let through has ten parts that join to what was read, and the parts that go
// into a URL hold nothing that means something there; the same text in a reference is judged alike.
#include <cstdlib>
#include <string>

#include "control/config_crn.h"
#include "control/config_reference.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

namespace {

void check(bool holds) {
  if (!holds) std::abort();
}

bool is_plain(std::string_view text) {
  return !text.empty() && text.find_first_of(":/?#%@.\\ []") == std::string_view::npos;
}

}  // namespace

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  const auto crn = weir::crn_parse(text);
  const auto secret = weir::secret_crn_parse(text);
  if (crn) {
    std::string joined = "crn:v1";
    for (const std::string_view part : {crn->cname, crn->ctype, crn->service, crn->region,
                                        crn->scope, crn->instance, crn->resource_type,
                                        crn->resource}) {
      (joined += ':') += part;
    }
    check(joined == text);
  }
  if (secret) {
    check(crn.has_value());
    for (const std::string_view part : {secret->region, secret->instance, secret->resource}) {
      check(is_plain(part));
    }
  }
  const auto reference = weir::reference_parse(text, true);
  if (!reference) return 0;
  using Kind = weir::SecretReference::Kind;
  check((reference->kind == Kind::kValue) ==
        !(text.starts_with("env:") || text.starts_with("file:") || text.starts_with("vault:") ||
          text.starts_with("crn:")));
  if (reference->kind == Kind::kSecretsManager) {
    check(weir::secret_crn_parse(reference->place).has_value());
  }
  if (reference->kind == Kind::kVault) {
    check(("/" + reference->place + "/").find("/../") == std::string::npos);
    check(weir::reference_parse("vault:" + reference->place + "#f").has_value());
  }
  return 0;
}
