#include "control/routing_listing.h"

#include "control/api/api_json.h"

namespace weir {

const std::string& model_name(const ModelConfig& model) {
  return model.alias.empty() ? model.id : model.alias;
}

std::string model_members(const ModelConfig& model, std::string_view provider_type,
                          std::string_view provider_uuid) {
  JsonObject out;
  out.text("object", "model")
      .text("uuid", model.uuid)
      .text("id", model_name(model))
      .some_text("alias", model.alias)
      .number("created", model.created_unix_s)
      .text("owned_by", std::string(provider_type) + ":" + model.provider)
      .text("provider_model_id", model.id)
      .text("provider_uuid", provider_uuid)
      .text("environment", model.environment);
  if (!model.metadata_json.empty()) out.json("metadata", model.metadata_json);
  if (model.weight) out.number("weight", *model.weight);
  if (model.priority) out.number("priority", *model.priority);
  std::string text = out.take();
  text.pop_back();
  return text;
}

ListedModel model_listing(const ModelConfig& model, std::string_view provider_type,
                          std::string_view provider_uuid, uint32_t target) {
  return {.json = model_members(model, provider_type, provider_uuid) + "}",
          .uuid = model.uuid,
          .rank = model.rank,
          .target = target};
}

}  // namespace weir
