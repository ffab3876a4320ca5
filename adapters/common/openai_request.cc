#include "adapters/common/openai_request.h"

#include <algorithm>

#include "adapters/common/arena_text.h"
#include "adapters/common/json_walk.h"
#include "route/target.h"

namespace weir {

namespace {

constexpr std::string_view kUserAgent = "weir/0.1.0";
constexpr std::string_view kIncludeUsage = R"({"include_usage":true})";
constexpr std::string_view kIncludeUsageMember = R"("stream_options":{"include_usage":true})";

std::unexpected<Error> config_error(std::string_view message, std::string_view param) {
  return std::unexpected(Error{Errc::kConfig, message, param});
}

bool is_visible(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c > 0x20 && c < 0x7f; });
}

// A field value may hold spaces and bytes of UTF-8, but nothing that ends a line.
bool is_field_value(std::string_view text) {
  return std::none_of(text.begin(), text.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte < 0x20 || byte == 0x7f;
  });
}

bool is_field_name(std::string_view text) {
  static constexpr std::string_view kMarks = "!#$%&'*+-.^_`|~";
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    return letter || (c >= '0' && c <= '9') || kMarks.find(c) != std::string_view::npos;
  });
}

bool equals_ignoring_case(std::string_view a, std::string_view lower) {
  return std::equal(a.begin(), a.end(), lower.begin(), lower.end(), [](char x, char y) {
    return (x >= 'A' && x <= 'Z' ? static_cast<char>(x + 32) : x) == y;
  });
}

// Fields that frame the message or name its peer belong to the engine.
bool is_reserved(std::string_view name) {
  for (const std::string_view reserved :
       {"host", "content-length", "transfer-encoding", "connection", "content-type",
        "accept-encoding", "te", "upgrade", "expect", "trailer", "keep-alive"}) {
    if (equals_ignoring_case(name, reserved)) return true;
  }
  return false;
}

bool has_header(const Provider& provider, std::string_view lower) {
  return std::any_of(provider.headers.begin(), provider.headers.end(),
                     [&](const auto& header) { return equals_ignoring_case(header.first, lower); });
}

Result<void> provider_check(const Provider& provider) {
  if (provider.authority.empty() || !is_visible(provider.authority)) {
    return config_error("the host of base_url is missing or has bytes a Host field cannot hold",
                        "base_url");
  }
  if (!is_visible(provider.base_path)) {
    return config_error("the path of base_url must be percent-encoded", "base_url");
  }
  if (!is_visible(provider.credential)) {
    return config_error("the API key holds spaces, line ends or other bytes no key has", "apikey");
  }
  for (const auto& [name, value] : provider.headers) {
    if (!is_field_name(name)) return config_error("not a header name", "headers");
    if (!is_field_value(value)) return config_error("a header value has control bytes", "headers");
    if (is_reserved(name)) return config_error("this header is set by Weir itself", "headers");
  }
  return {};
}

void field_append(std::string* head, std::string_view name, std::string_view value) {
  head->append(name).append(": ").append(value).append("\r\n");
}

// The client's stream_options with include_usage set to true and everything else kept.
std::string_view usage_asked(std::string_view options, Arena& arena) {
  if (!json_is_object(options)) return kIncludeUsage;
  ArenaText text(arena, options.size() + kIncludeUsage.size() + 1);
  text.add(R"({"include_usage":true)");
  JsonMembers members(options);
  while (members.next()) {
    if (members.key() == "include_usage") continue;
    text.add(",\"").add(members.key()).add("\":").add(members.value());
  }
  return text.add("}").view();
}

template <typename Edits>
bool stream_options_edit(Call& call, bool wanted, Edits* edits) {
  const RequestView& request = call.request;
  // A null is harmless without a stream, and is left alone.
  if (!request.stream || !wanted) {
    return !request.has(Field::kStreamOptions) || edits->remove(Field::kStreamOptions);
  }
  if (request.include_usage) return true;
  if (!request.present(Field::kStreamOptions)) return edits->insert(kIncludeUsageMember);
  return edits->replace(Field::kStreamOptions,
                        usage_asked(request.value(Field::kStreamOptions), call.arena));
}

template <typename Edits>
Result<void> common_edits(Call& call, Edits* edits, bool stream_options) {
  // Models are often called what their provider calls them.
  const bool same_model = call.request.value(Field::kModel) == call.target.model_json;
  if (!same_model && !edits->replace(Field::kModel, call.target.model_json)) {
    return too_many_edits();
  }
  if (!stream_options_edit(call, stream_options, edits)) return too_many_edits();
  if (!edits->remove(Field::kRouter)) return too_many_edits();
  if (!edits->remove(Field::kCache)) return too_many_edits();
  return {};
}

template <typename Edits>
Result<void> edits_send(Call& call, const Edits& edits, Step* step) {
  step->kind = StepKind::kSend;
  step->request.head = call.target.heads[endpoint_index(call.endpoint)];
  step->request.is_get = false;
  if (step->request.head.empty()) {
    return std::unexpected(
        Error{Errc::kUnsupportedEndpoint, "this model does not serve this endpoint", "model"});
  }
  step->request.body.clear();
  if (!edits.build(&step->request.body)) return too_many_edits();
  return {};
}

}  // namespace

std::string_view openai_path(Endpoint endpoint) {
  switch (endpoint) {
    case Endpoint::kChat:
      return "/chat/completions";
    case Endpoint::kCompletions:
      return "/completions";
    case Endpoint::kEmbeddings:
      return "/embeddings";
  }
  return "/";
}

Result<void> openai_prepare(const PrepareInput& input, std::string* head) {
  const Provider& provider = input.provider;
  if (auto checked = provider_check(provider); !checked) return checked;
  head->assign("POST ").append(provider.base_path).append(openai_path(input.endpoint));
  head->append(" HTTP/1.1\r\n");
  field_append(head, "Host", provider.authority);
  if (!provider.credential.empty() && !has_header(provider, "authorization")) {
    field_append(head, "Authorization", "Bearer " + provider.credential);
  }
  field_append(head, "Content-Type", "application/json");
  if (!has_header(provider, "accept")) {
    field_append(head, "Accept", "application/json, text/event-stream");
  }
  field_append(head, "Accept-Encoding", "identity");
  if (!has_header(provider, "user-agent")) field_append(head, "User-Agent", kUserAgent);
  for (const auto& [name, value] : provider.headers) field_append(head, name, value);
  return {};
}

std::unexpected<Error> too_many_edits() {
  return std::unexpected(
      Error{Errc::kInternal, "the adapter needs more edits than a body can have"});
}

Result<void> openai_common_edits(Call& call, EditList* edits, bool stream_options) {
  return common_edits(call, edits, stream_options);
}

Result<void> openai_common_edits(Call& call, BodyEdits* edits, bool stream_options) {
  return common_edits(call, edits, stream_options);
}

Result<void> openai_send(Call& call, const EditList& edits, Step* step) {
  return edits_send(call, edits, step);
}

Result<void> openai_send(Call& call, const BodyEdits& edits, Step* step) {
  return edits_send(call, edits, step);
}

Result<void> openai_next(Call& call, Step* step) {
  EditList edits(call.request);
  if (auto edited = openai_common_edits(call, &edits); !edited) return edited;
  return openai_send(call, edits, step);
}

}  // namespace weir
