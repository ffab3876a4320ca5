// Requests. Responses are read in parser_response.cc.
#include "http/parser.h"

#include <llhttp.h>

#include <memory>

#include "http/bytes.h"
#include "http/head_fields.h"
#include "http/request_fields.h"

namespace weir {

namespace {

std::unexpected<Error> refuse(Errc code, std::string_view message) {
  return std::unexpected(Error{code, message});
}

Method method_of(std::string_view name) {
  switch (name.size()) {
    case 3:
      if (name == "GET") return Method::kGet;
      if (name == "PUT") return Method::kPut;
      break;
    case 4:
      if (name == "POST") return Method::kPost;
      if (name == "HEAD") return Method::kHead;
      break;
    case 5:
      if (name == "PATCH") return Method::kPatch;
      break;
    case 6:
      if (name == "DELETE") return Method::kDelete;
      break;
    case 7:
      if (name == "OPTIONS") return Method::kOptions;
      break;
    default:
      break;
  }
  return Method::kOther;
}

// The first value that says something counts, so an empty field cannot hide one behind it.
void keep_first(std::string_view* field, std::string_view value) {
  if (field->empty()) *field = value;
}

void expect_take(RequestParse* parse, std::string_view value) {
  parse->has_expect = true;
  if (!equals_folded(value, "100-continue")) parse->expect_is_known = false;
}

// llhttp calls these; the head is given to it in one piece, so every span is complete.
int on_url(llhttp_t* parser, const char* at, size_t length) {
  static_cast<RequestParse*>(parser->data)->out->target = {at, length};
  return HPE_OK;
}

int on_header_field(llhttp_t* parser, const char* at, size_t length) {
  static_cast<RequestParse*>(parser->data)->name = {at, length};
  return HPE_OK;
}

int on_header_value(llhttp_t* parser, const char* at, size_t length) {
  auto* const parse = static_cast<RequestParse*>(parser->data);
  ++parse->out->field_count;
  request_field_take(parse, parse->name, blanks_trim({at, length}));
  return HPE_OK;
}

// Bodies are framed by Weir, so llhttp must not look behind the head.
int on_headers_complete(llhttp_t*) {
  return HPE_PAUSED;
}

constexpr llhttp_settings_t settings_make() {
  llhttp_settings_t settings{};
  settings.on_url = on_url;
  settings.on_header_field = on_header_field;
  settings.on_header_value = on_header_value;
  settings.on_headers_complete = on_headers_complete;
  return settings;
}

constexpr llhttp_settings_t kSettings = settings_make();

// Splits scheme://authority/path; only the path is served, but the rest must be well-formed.
bool absolute_target_split(std::string_view target, std::string_view* path_and_query) {
  const size_t colon = target.find("://");
  if (colon == std::string_view::npos) return false;
  const std::string_view scheme = target.substr(0, colon);
  if (!equals_folded(scheme, "http") && !equals_folded(scheme, "https")) return false;
  const std::string_view rest = target.substr(colon + 3);
  const size_t end = rest.find_first_of("/?");
  if (!authority_is_valid(rest.substr(0, end))) return false;
  *path_and_query = end == std::string_view::npos ? std::string_view() : rest.substr(end);
  return true;
}

Result<void> target_read(RequestHead* out) {
  std::string_view rest = out->target;
  if (rest == "*") {
    if (out->method != Method::kOptions) {
      return refuse(Errc::kMalformedRequest, "the target * is for OPTIONS only");
    }
    out->path = rest;
    return {};
  }
  if (!rest.starts_with('/') && !absolute_target_split(rest, &rest)) {
    return refuse(Errc::kMalformedRequest, "the request target must be a path");
  }
  const size_t mark = rest.find('?');
  out->path = rest.substr(0, mark);
  if (out->path.empty()) out->path = "/";
  if (mark != std::string_view::npos) out->query = rest.substr(mark + 1);
  return {};
}

Result<void> fields_judge(const RequestParse& parse) {
  constexpr Errc kBad = Errc::kMalformedRequest;
  RequestHead* const out = parse.out;
  const bool needs_host = out->minor_version >= 1;
  if (parse.hosts > 1 || (needs_host && parse.hosts == 0)) {
    return refuse(kBad, "exactly one Host is required");
  }
  if (parse.hosts == 1 && !authority_is_valid(out->host)) {
    return refuse(kBad, "Host is not a valid host[:port]");
  }
  if (parse.authorizations > 1) return refuse(kBad, "Authorization must be sent once");
  if (parse.api_keys > 1) return refuse(kBad, "the API key must be sent once");
  const Result<BodyFraming> body = framing_resolve(parse.framing, out->minor_version);
  if (!body) return std::unexpected(body.error());
  out->framing = body->framing;
  out->content_length = body->content_length;
  out->keep_alive = parse.framing.connection_stays(out->minor_version);
  // An HTTP/1.0 client cannot expect anything: RFC 9110 section 10.1.1 has the field ignored.
  if (parse.has_expect && out->minor_version >= 1) {
    if (!parse.expect_is_known) {
      return refuse(Errc::kExpectationFailed, "the only expectation met is 100-continue");
    }
    out->expect_continue = true;
  }
  return {};
}

}  // namespace

// One switch on the length keeps this at a jump for most fields: few lengths hold a known name.
void request_field_take(RequestParse* parse, std::string_view name, std::string_view value) {
  RequestHead* const out = parse->out;
  switch (name.size()) {
    case 3:
      if (equals_folded(name, "via")) keep_first(&out->via, value);
      return;
    case 4:
      if (!equals_folded(name, "host")) return;
      ++parse->hosts;
      out->host = value;
      return;
    case 6:
      if (equals_folded(name, "expect")) expect_take(parse, value);
      return;
    case 7:
    case 9:
      if (!equals_folded(name, "api-key") && !equals_folded(name, "x-api-key")) return;
      ++parse->api_keys;
      out->api_key = value;
      return;
    case 10:
      if (parse->framing.take(name, value)) return;
      if (equals_folded(name, "x-weir-hop")) keep_first(&out->weir_hop, value);
      return;
    case 12:
      if (equals_folded(name, "content-type"))
        keep_first(&out->content_type, value);
      else if (equals_folded(name, "x-request-id"))
        keep_first(&out->request_id, value);
      return;
    case 13:
      if (equals_folded(name, "authorization")) {
        ++parse->authorizations;
        out->authorization = value;
        return;
      }
      if (equals_folded(name, "x-weir-timing")) keep_first(&out->weir_timing, value);
      return;
    case 14:
      if (parse->framing.take(name, value)) return;
      if (equals_folded(name, "x-ibm-space-id")) keep_first(&out->space_id, value);
      return;
    case 17:
      parse->framing.take(name, value);
      return;
    case 16:
      if (equals_folded(name, "x-ibm-project-id")) return keep_first(&out->project_id, value);
      if (equals_folded(name, "content-encoding")) keep_first(&out->content_encoding, value);
      return;
    default:
      return;
  }
}

Result<void> parse_request_head(std::string_view head, RequestHead* out) {
  std::construct_at(out);
  if (head.starts_with("\r\n")) head.remove_prefix(2);
  out->method_name = head.substr(0, head.find(' '));
  out->method = method_of(out->method_name);
  if (out->method == Method::kOther) {
    return refuse(Errc::kNotImplemented, "the method is not one that is served");
  }
  RequestParse parse{.out = out};
  llhttp_t parser;
  llhttp_init(&parser, HTTP_REQUEST, &kSettings);
  parser.data = &parse;
  const llhttp_errno_t code = llhttp_execute(&parser, head.data(), head.size());
  if (code != HPE_PAUSED) {
    if (code == HPE_INVALID_TRANSFER_ENCODING && parse.framing.codings <= 1) {
      return refuse(Errc::kNotImplemented, "the only transfer coding understood is chunked");
    }
    return refuse(Errc::kMalformedRequest, "the request head is malformed");
  }
  out->minor_version = parser.http_minor;
  const Result<void> target = target_read(out);
  if (!target) return target;
  return fields_judge(parse);
}

}  // namespace weir
