// Cloud Resource Names of IBM Cloud, as far as they name a secret: ten parts joined by colons,
// "crn:v1:CNAME:CTYPE:secrets-manager:REGION:SCOPE:INSTANCE:secret:ID".
//
// What is let through is safe to stand in a URL: region and instance become a part of a host name,
// the id a part of a path. The parts borrow from the text. Pure functions; any thread.
#pragma once

#include <expected>
#include <string_view>

namespace weir {

struct Crn {
  std::string_view cname, ctype;  // "bluemix", "public"
  std::string_view service;       // "secrets-manager"
  std::string_view region;        // "us-south"
  std::string_view scope;         // "a/ACCOUNT"; may be empty
  std::string_view instance;
  std::string_view resource_type;
  std::string_view resource;
};

// Any CRN of version 1. Error texts are static.
[[nodiscard]] std::expected<Crn, const char*> crn_parse(std::string_view text);
// One that names a secret of Secrets Manager.
[[nodiscard]] std::expected<Crn, const char*> secret_crn_parse(std::string_view text);

}  // namespace weir
