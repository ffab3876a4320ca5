#include "adapters/bedrock/embeddings.h"

#include <algorithm>
#include <new>

#include "adapters/bedrock/head.h"
#include "adapters/bedrock/model_family.h"
#include "adapters/bedrock/state.h"
#include "adapters/common/arena_text.h"
#include "adapters/common/embeddings.h"
#include "adapters/common/json_walk.h"
#include "adapters/common/param_policy.h"
#include "route/target.h"

namespace weir {

namespace {

using enum ParamAction;

constexpr size_t kMaxTexts = 2048;
constexpr size_t kCohereTexts = 96;

constexpr ParamRule kRules[] = {{"input", kMapped},      {"encoding_format", kMapped},
                                {"dimensions", kMapped}, {"input_type", kMapped},
                                {"truncate", kMapped},   {"normalize", kMapped}};

std::unexpected<Error> invalid(std::string_view message) {
  return std::unexpected(Error{Errc::kInvalidField, message, "input"});
}

size_t texts_per_request(EmbeddingForm form) {
  const bool cohere = form == EmbeddingForm::kCohereV3 || form == EmbeddingForm::kCohereV4;
  return cohere ? kCohereTexts : 1;
}

// Notes the string tokens of `input` in the state.
Result<void> texts_collect(Call& call) {
  auto& state = *call.state.as<BedrockState>();
  const std::string_view input = call.request.value(Field::kInput);
  size_t count = json_is_string(input) ? 1 : 0;
  JsonElements counted(input);
  while (counted.next()) ++count;
  if (count == 0) return invalid("must be a text or a list of texts");
  if (count > kMaxTexts) return invalid("holds more than 2048 texts");
  auto* const texts =
      reinterpret_cast<std::string_view*>(call.arena.allocate(count * sizeof(std::string_view)));
  size_t at = 0;
  if (json_is_string(input)) new (&texts[at++]) std::string_view(input);
  JsonElements each(input);
  while (each.next()) {
    if (!json_is_string(each.value())) {
      return invalid("this provider embeds texts only, no lists of tokens");
    }
    new (&texts[at++]) std::string_view(each.value());
  }
  state.texts = texts;
  state.text_count = static_cast<uint32_t>(count);
  return {};
}

void cohere_write(Call& call, EmbeddingForm form, std::span<const std::string_view> texts,
                  std::string_view dimensions, ArenaText* out) {
  const std::string_view type = json_member(call.request.body, "input_type");
  const std::string_view truncate = json_member(call.request.body, "truncate");
  const std::string_view set = call.target.provider->option("embedding_input_type");
  out->add("{\"texts\":[");
  for (size_t i = 0; i < texts.size(); ++i) out->add(i == 0 ? "" : ",").add(texts[i]);
  out->add("],\"input_type\":");
  if (json_is_string(type)) {
    out->add(type);
  } else {
    out->add_quoted(set.empty() ? std::string_view("search_query") : set);
  }
  if (json_is_string(truncate)) out->add(",\"truncate\":").add(truncate);
  if (form == EmbeddingForm::kCohereV4) {
    out->add(",\"embedding_types\":[\"float\"]");
    if (!dimensions.empty()) out->add(",\"output_dimension\":").add(dimensions);
  }
  out->add("}");
}

Result<std::string_view> body_write(Call& call, EmbeddingForm form,
                                    std::span<const std::string_view> texts) {
  std::string_view dimensions = json_member(call.request.body, "dimensions");
  if (json_is_none(dimensions)) dimensions = {};
  const bool fixed = form == EmbeddingForm::kTitanV1 || form == EmbeddingForm::kCohereV3;
  if (fixed && !dimensions.empty()) {
    return param_refuse(call, "dimensions", "this model's vectors have one length");
  }
  size_t size = 256;
  for (const std::string_view text : texts) size += text.size() + 1;
  ArenaText out(call.arena, size);
  switch (form) {
    case EmbeddingForm::kTitanV1:
    case EmbeddingForm::kTitanV2: {
      const std::string_view normalize = json_member(call.request.body, "normalize");
      out.add("{\"inputText\":").add(texts[0]);
      if (!dimensions.empty()) out.add(",\"dimensions\":").add(dimensions);
      if (form == EmbeddingForm::kTitanV2 && (normalize == "true" || normalize == "false")) {
        out.add(",\"normalize\":").add(normalize);
      }
      out.add("}");
      break;
    }
    case EmbeddingForm::kTitanImage:
      out.add("{\"inputText\":").add(texts[0]);
      if (!dimensions.empty()) {
        out.add(",\"embeddingConfig\":{\"outputEmbeddingLength\":").add(dimensions).add("}");
      }
      out.add("}");
      break;
    case EmbeddingForm::kNova:
      out.add(R"({"taskType":"SINGLE_EMBEDDING","singleEmbeddingParams":{)");
      out.add(R"("embeddingPurpose":"GENERIC_RETRIEVAL",)");
      if (!dimensions.empty()) out.add("\"embeddingDimension\":").add(dimensions).add(",");
      out.add(R"("text":{"truncationMode":"NONE","value":)").add(texts[0]).add("}}}");
      break;
    case EmbeddingForm::kCohereV3:
    case EmbeddingForm::kCohereV4:
    case EmbeddingForm::kNone:
      cohere_write(call, form, texts, dimensions, &out);
      break;
  }
  return out.view();
}

// All vectors of one reply: `embedding`, or `embeddings` as a list of lists, of objects, or under
// the name of their type.
bool vectors_read(std::string_view body, EmbeddingsWriter* out) {
  const std::string_view one = json_member(body, "embedding");
  if (json_is_array(one)) return out->add(one);
  std::string_view many = json_member(body, "embeddings");
  if (json_is_object(many)) many = json_member(many, "float");
  if (!json_is_array(many)) return false;
  JsonElements each(many);
  while (each.next()) {
    const bool wrapped = json_is_object(each.value());
    if (!out->add(wrapped ? json_member(each.value(), "embedding") : each.value())) return false;
  }
  return !each.failed();
}

int64_t tokens_read(const Reply& reply) {
  const std::string_view counted = json_member(reply.body, "inputTextTokenCount");
  return json_integer(counted.empty() ? reply.field("x-amzn-bedrock-input-token-count") : counted,
                      -1);
}

}  // namespace

Result<void> embeddings_next(Call& call, Step* step) {
  auto& state = *call.state.as<BedrockState>();
  const EmbeddingForm form = embedding_form(call.target.model);
  const size_t most = texts_per_request(form);
  if (state.text_count == 0) {
    if (auto done = params_apply(call, kRules, kDrop); !done) return done;
    if (auto done = texts_collect(call); !done) return done;
    if (state.text_count > most) {
      state.fanned = true;
      step->kind = StepKind::kFanOut;
      step->count = static_cast<uint32_t>((state.text_count + most - 1) / most);
      return {};
    }
  }
  const size_t first = state.fanned ? call.part * most : 0;
  const std::span all(state.texts, state.text_count);
  if (first >= all.size()) {
    return std::unexpected(Error{Errc::kInternal, "there is no such part of the request"});
  }
  const auto body = body_write(call, form, all.subspan(first, std::min(most, all.size() - first)));
  if (!body) return std::unexpected(body.error());
  return bedrock_send(call, *body, step);
}

Result<void> embeddings_reply_read(Call& call, const Reply& in, SliceList* out,
                                   StreamFacts* facts) {
  const auto& state = *call.state.as<BedrockState>();
  const std::span<const Reply> replies = state.fanned ? call.parts : std::span(&in, 1);
  size_t bytes = 0;
  for (const Reply& reply : replies) bytes += reply.body.size();
  EmbeddingsWriter writer(call.scratch, embeddings_want_base64(call), bytes);
  int64_t tokens = 0;
  for (const Reply& reply : replies) {
    const int64_t counted = tokens_read(reply);
    tokens = counted < 0 || tokens < 0 ? -1 : tokens + counted;
    if (!vectors_read(reply.body, &writer)) {
      return std::unexpected(
          Error{Errc::kUpstreamUnavailable, "the provider's answer holds no embeddings"});
    }
  }
  if (state.text_count != 0 && writer.count() != state.text_count) {
    return std::unexpected(
        Error{Errc::kUpstreamUnavailable, "the provider gave another number of embeddings"});
  }
  if (tokens >= 0) {
    facts->usage = Usage{};
    facts->usage.prompt_tokens = facts->usage.total_tokens = tokens;
    facts->usage.source = UsageSource::kProvider;
  }
  if (out->push(Slice(writer.finish(call.target.model_json, tokens)))) return {};
  return std::unexpected(Error{Errc::kInternal, "no room for the answer"});
}

}  // namespace weir
