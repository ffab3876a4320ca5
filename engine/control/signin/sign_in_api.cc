#include "control/signin/sign_in_api.h"

#include <algorithm>
#include <map>
#include <optional>
#include <string>

#include "control/api/api_answer.h"
#include "control/digest.h"
#include "control/percent.h"
#include "control/signin/sign_in.h"
#include "json/json_write.h"
#include "jwt/json_record.h"

namespace weir {

namespace {

constexpr std::string_view kApiKeyGrant = "urn:ibm:params:oauth:grant-type:apikey";
// Below this one the Python package refuses its gateway class.
constexpr std::string_view kServiceVersion = "5.2.0";
constexpr size_t kMaxKeyBytes = 4096;

using Form = std::map<std::string, std::string, std::less<>>;

// In forms a space may be a plus. Of a field that comes twice the first counts.
Form form_read(std::string_view body) {
  Form out;
  while (!body.empty()) {
    const size_t end = std::min(body.find('&'), body.size());
    std::string member(body.substr(0, end));
    body.remove_prefix(std::min(end + 1, body.size()));
    std::replace(member.begin(), member.end(), '+', ' ');
    const size_t equals = std::min(member.find('='), member.size());
    const std::string_view value = std::string_view(member).substr(std::min(equals + 1,
                                                                            member.size()));
    out.try_emplace(percent_decode(std::string_view(member).substr(0, equals)),
                    percent_decode(value));
  }
  return out;
}

std::string field_of(const Form& form, std::string_view name) {
  const auto found = form.find(name);
  return found == form.end() ? std::string() : found->second;
}

void number_member(std::string* out, std::string_view name, int64_t value) {
  out->append(",\"").append(name).append("\":");
  append_number(out, value);
}

// Says why in IAM's form too, whose members stand in front of those that every error has.
void iam_fail(ManagementCall& call, int status, std::string_view code, std::string_view message,
              std::string_view param = {}) {
  std::string members = "\"errorCode\":";
  json_append_string(&members, code);
  members += ",\"errorMessage\":";
  json_append_string(&members, message);
  call.error_members = std::move(members);
  api_fail(call, status, status == 429 ? "rate_limit_exceeded" : "invalid_request_error",
           std::string(message), param);
}

void fail(ManagementCall& call, int status, std::string_view message,
          std::string_view param = {}) {
  api_fail(call, status,
           status == 401   ? "invalid_api_key"
           : status == 429 ? "rate_limit_exceeded"
                           : "invalid_request_error",
           std::string(message), param);
}

// False: answered. An address that failed too often has to wait, whatever it sends.
bool may_try(const SignInPlace& place, ManagementCall& call,
             void (*refuse)(ManagementCall& call, std::string_view message)) {
  const Millis wait = place.sign_in.attempts().wait_ms(call.peer, place.now);
  if (wait == 0) return true;
  call.retry_after_ms = static_cast<int64_t>(wait);
  refuse(call, "too many failed attempts to sign in from this address; wait and try again");
  return false;
}

// Nothing: no such key, or one that is over. The digest of other issuers' callers is made of text
// that no key may hold, so nobody can sign in as one of them.
std::optional<SignIn::Issued> token_for(const SignInPlace& place, const ManagementCall& call,
                                        std::string_view key) {
  const bool printable =
      std::none_of(key.begin(), key.end(), [](char c) {
        return static_cast<unsigned char>(c) < ' ' || c == 0x7f;
      });
  std::optional<SignIn::Issued> out;
  if (printable && key.size() <= kMaxKeyBytes) {
    const KeyDigest digest = sha256_digest(key);
    const Principal* principal = place.snapshot.find_principal(digest);
    const bool good = principal != nullptr && (principal->expires_unix_s == 0 ||
                                               principal->expires_unix_s > place.now_unix_s);
    if (good) out = place.sign_in.issue(*principal, digest, place.now_unix_s);
  }
  place.sign_in.count(out.has_value());
  if (!out) place.sign_in.attempts().failed(call.peer, place.now);
  return out;
}

void too_many(ManagementCall& call, std::string_view message) { fail(call, 429, message); }

void too_many_iam(ManagementCall& call, std::string_view message) {
  iam_fail(call, 429, "TOO_MANY_ATTEMPTS", message);
}

void succeed(ManagementCall& call, std::string json) {
  call.reply_fields = "cache-control: no-store\r\n";
  api_reply(call, 200, std::move(json));
}

// The key that a JSON body names in the first of two members that is there; nothing: answered.
std::optional<std::string> json_key(ManagementCall& call, std::string_view first,
                                    std::string_view second) {
  const auto body = JsonRecord::parse(call.body);
  if (!body) {
    fail(call, 400, "the body has to be a JSON object");
    return std::nullopt;
  }
  const std::string_view name = body->has(first) || second.empty() ? first : second;
  auto key = body->text(name);
  if (!key || key->empty()) {
    fail(call, 400,
         second.empty() ? "send the API key as `apikey`"
                        : "send an API key as `api_key`, or as `password`",
         name);
    return std::nullopt;
  }
  return key;
}

void sign_in_iam(const SignInPlace& place, ManagementCall& call) {
  if (!may_try(place, call, too_many_iam)) return;
  const Form form = form_read(call.body);
  const std::string grant = field_of(form, "grant_type");
  if (grant.empty()) {
    return iam_fail(call, 400, "BXNIM0109E", "Property missing or empty: 'grant_type'.",
                    "grant_type");
  }
  if (grant == "refresh_token") {
    return iam_fail(call, 400, "BXNIM0106E",
                    "There are no refresh tokens here: sign in again with the API key.",
                    "grant_type");
  }
  if (grant != kApiKeyGrant) {
    return iam_fail(call, 400, "BXNIM0106E",
                    "Property 'grant_type' has to be '" + std::string(kApiKeyGrant) + "'.",
                    "grant_type");
  }
  const std::string key = field_of(form, "apikey");
  if (key.empty()) {
    return iam_fail(call, 400, "BXNIM0109E", "Property missing or empty: 'apikey'.", "apikey");
  }
  const auto issued = token_for(place, call, key);
  if (!issued) {
    return iam_fail(call, 400, "BXNIM0415E",
                    "Provided API key could not be found; send a key of this gateway.", "apikey");
  }
  std::string out = "{\"access_token\":";
  json_append_string(&out, issued->token);
  out += R"(,"refresh_token":"not_supported","token_type":"Bearer")";
  number_member(&out, "expires_in", issued->expires_unix_s - place.now_unix_s);
  number_member(&out, "expiration", issued->expires_unix_s);
  succeed(call, out + R"(,"scope":"ibm openid"})");
}

void sign_in_cpd(const SignInPlace& place, ManagementCall& call) {
  if (!may_try(place, call, too_many)) return;
  const auto key = json_key(call, "api_key", "password");
  if (!key) return;
  const auto issued = token_for(place, call, *key);
  if (!issued) {
    return fail(call, 401,
                "no such API key: send a key of this gateway as `api_key` or `password`");
  }
  std::string out = R"({"_messageCode_":"200","message":"Success","token":)";
  json_append_string(&out, issued->token);
  succeed(call, out + "}");
}

void sign_in_apikeys(const SignInPlace& place, ManagementCall& call) {
  if (!may_try(place, call, too_many)) return;
  const auto key = json_key(call, "apikey", {});
  if (!key) return;
  const auto issued = token_for(place, call, *key);
  if (!issued) return fail(call, 401, "no such API key: send a key of this gateway as `apikey`");
  std::string out = "{\"token\":";
  json_append_string(&out, issued->token);
  out += R"(,"token_type":"Bearer")";
  number_member(&out, "expires_in", issued->expires_unix_s - place.now_unix_s);
  number_member(&out, "expiration", issued->expires_unix_s);
  succeed(call, out + "}");
}

}  // namespace

void sign_in_answer(const SignInPlace& place, SignInForm form, ManagementCall& call) {
  switch (form) {
    case SignInForm::kIam:
      return sign_in_iam(place, call);
    case SignInForm::kCpd:
      return sign_in_cpd(place, call);
    case SignInForm::kApiKeys:
      return sign_in_apikeys(place, call);
    case SignInForm::kVersion:
      return api_reply(call, 200, "{\"version\":\"" + std::string(kServiceVersion) + "\"}");
  }
}

}  // namespace weir
