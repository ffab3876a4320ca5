#include "answer.h"

#include <algorithm>

#include "echo.h"
#include "embedding.h"
#include "event_source.h"
#include "json_text.h"
#include "text_pool.h"

namespace weir::mock {
namespace {

// A default plain answer has this many bytes, so that figures of different runs compare.
constexpr std::size_t kDefaultBodyBytes = 589;

struct ErrorForm {
  std::string_view type;
  std::string_view code;
  std::string_view message;
};

ErrorForm error_form(int status) {
  switch (status) {
    case 401:
      return {"invalid_request_error", "invalid_api_key", "The key was not accepted."};
    case 402:
      return {"billing_error", "insufficient_quota", "The account has no credit left."};
    case 403:
      return {"permission_error", "forbidden", "This key may not do that."};
    case 404:
      return {"invalid_request_error", "model_not_found", "There is no such model."};
    case 408:
      return {"timeout_error", "timeout", "The request took too long."};
    case 413:
      return {"invalid_request_error", "too_large", "The request is too large."};
    case 429:
      return {"rate_limit_error", "rate_limit_exceeded", "Too many requests."};
    case 529:
      return {"overloaded_error", "overloaded", "The provider has too much to do."};
    default:
      break;
  }
  if (status >= 500) return {"server_error", "", "The mock was told to fail."};
  return {"invalid_request_error", "bad_request", "The mock was told to refuse this."};
}

Answer answer_plain(int status, std::string content_type, std::string body) {
  Answer answer;
  answer.status = status;
  answer.content_type = std::move(content_type);
  answer.body_bytes = body.size();
  answer.source = std::make_unique<WholeSource>(std::move(body));
  return answer;
}

std::string error_body(int status, std::string_view message, std::string_view type,
                       std::string_view code) {
  const ErrorForm form = error_form(status);
  const std::string_view shown = code.empty() ? form.code : code;
  return "{\"error\":{\"message\":" + json_quote(message.empty() ? form.message : message) +
         ",\"type\":" + json_quote(type.empty() ? form.type : type) +
         ",\"param\":null,\"code\":" + (shown.empty() ? std::string("null") : json_quote(shown)) +
         "}}";
}

std::string special_body(const Script& script, std::string* content_type) {
  switch (script.form) {
    case BodyForm::kNdjson:
      *content_type = "application/x-ndjson";
      return "{\"done\":false,\"response\":\"river\"}\n{\"done\":true,\"response\":\"\"}\n";
    case BodyForm::kHtml:
      *content_type = "text/html; charset=utf-8";
      return "<!doctype html><html><body><h1>Bad gateway</h1></body></html>\n";
    case BodyForm::kJson200:
      return error_body(500, script.message, script.type, script.code);
    case BodyForm::kBadJson:
      return "{\"id\":\"mock\",\"choices\":[{\"message\":{\"content\":\"river";
    case BodyForm::kEmpty:
    case BodyForm::kNormal:
      break;
  }
  return {};
}

std::string tool_message(const Script& script, const Request& request) {
  std::string arguments =
      "{\"text\":" + json_quote(make_words(script.words.value_or(6), script.utf8)) + "}";
  return "{\"role\":\"assistant\",\"content\":null,\"tool_calls\":[{\"id\":\"call_mock\","
         "\"type\":\"function\",\"function\":{\"name\":" +
         json_quote(tool_name(request)) + ",\"arguments\":" + json_quote(arguments) + "}}]}";
}

std::size_t word_count(std::string_view text) {
  return static_cast<std::size_t>(std::count(text.begin(), text.end(), ' ')) + 1;
}

std::string usage_member(const Script& script, std::string_view text) {
  if (script.usage == UsageMode::kNever) return {};
  return ",\"usage\":" + usage_json(script, word_count(text));
}

std::string choice_json(const Script& script, const Request& request, bool chat, std::size_t index,
                        std::string_view text) {
  std::string out = "{\"index\":" + std::to_string(index);
  if (!chat) {
    out += ",\"text\":" + json_quote(text);
  } else if (script.tools) {
    out += ",\"message\":" + tool_message(script, request);
  } else {
    out += ",\"message\":{\"role\":\"assistant\",\"content\":" + json_quote(text) +
           ",\"refusal\":null}";
  }
  const bool finished = !script.no_finish && (!script.one_finish || index == 0);
  const std::string_view reason = script.tools && chat ? "\"tool_calls\"" : "\"stop\"";
  out += ",\"logprobs\":null,\"finish_reason\":";
  out += finished ? reason : "null";
  return out + "}";
}

std::string completion_body(const Script& script, const Request& request, bool chat,
                            const Identity& identity, std::string_view text) {
  std::string out = "{\"id\":\"";
  out += chat ? "chatcmpl-mock\",\"object\":\"chat.completion\""
              : "cmpl-mock\",\"object\":\"text_completion\"";
  out += ",\"created\":1750000000,\"model\":" + json_quote(json_find_string(request.body, "model"));
  out += ",\"system_fingerprint\":" + json_quote(identity.name) + ",\"choices\":[";
  for (std::size_t i = 0; i < script.choices; ++i) {
    if (i > 0) out += ',';
    out += choice_json(script, request, chat, i, text);
  }
  return out + "]" + usage_member(script, text) + "}";
}

std::string completion_text(const Script& script, const Request& request, bool chat,
                            const Identity& identity) {
  if (script.echo) return echo_text(request);
  if (script.words) return make_words(*script.words, script.utf8);
  const std::size_t wanted = script.big_bytes > 0 ? script.big_bytes : kDefaultBodyBytes;
  const std::size_t rest = completion_body(script, request, chat, identity, "").size();
  std::string text = make_text(wanted > rest ? wanted - rest : 1, script.utf8);
  // Escapes and the numbers in `usage` differ from the empty draft by a few bytes.
  const std::size_t size = completion_body(script, request, chat, identity, text).size();
  if (size < wanted) text.append(wanted - size, 'w');
  if (size > wanted && text.size() > size - wanted && !script.utf8) {
    text.resize(text.size() - (size - wanted));
  }
  return text;
}

std::string models_body(const Script& script, const Request& request, const Identity& identity) {
  std::string out = "{\"object\":\"list\",\"data\":[";
  for (const std::string& model : identity.models) {
    if (out.back() == '}') out += ',';
    out += "{\"id\":" + json_quote(model) +
           ",\"object\":\"model\",\"created\":1750000000,\"owned_by\":\"mock\"}";
  }
  out += "]";
  if (script.echo) out += ",\"mock_echo\":" + json_quote(echo_text(request));
  return out + "}";
}

}  // namespace

Endpoint endpoint_find(std::string_view method, std::string_view path) {
  if (method == "GET" && path.ends_with("/models")) return Endpoint::kModels;
  if (method != "POST") return Endpoint::kUnknown;
  if (path.ends_with("/chat/completions")) return Endpoint::kChat;
  if (path.ends_with("/completions")) return Endpoint::kCompletions;
  if (path.ends_with("/embeddings")) return Endpoint::kEmbeddings;
  return Endpoint::kUnknown;
}

Answer answer_error(int status, std::string_view message, std::string_view type,
                    std::string_view code) {
  return answer_plain(status, "application/json", error_body(status, message, type, code));
}

Answer answer_make(const Script& script, const Request& request, Endpoint endpoint,
                   const Identity& identity) {
  std::string content_type = "application/json";
  if (script.body || script.form != BodyForm::kNormal) {
    std::string body = script.body ? *script.body : special_body(script, &content_type);
    if (!script.content_type.empty()) content_type = script.content_type;
    return answer_plain(script.status, std::move(content_type), std::move(body));
  }
  if (script.status != 200) {
    return answer_error(script.status, script.message, script.type, script.code);
  }
  if (!script.content_type.empty()) content_type = script.content_type;
  const bool chat = endpoint == Endpoint::kChat;
  if (chat || endpoint == Endpoint::kCompletions) {
    if (json_find_true(request.body, "stream") && !script.plain) {
      return event_answer_make(script, request, chat, identity);
    }
    const std::string text = completion_text(script, request, chat, identity);
    return answer_plain(200, content_type, completion_body(script, request, chat, identity, text));
  }
  if (endpoint == Endpoint::kEmbeddings) {
    return answer_plain(200, content_type, embedding_body(script, request));
  }
  if (endpoint == Endpoint::kModels) {
    return answer_plain(200, content_type, models_body(script, request, identity));
  }
  return answer_error(404, "The mock has no such path.", "invalid_request_error", "unknown_url");
}

}  // namespace weir::mock
