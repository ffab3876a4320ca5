#include "adapters/common/embeddings.h"

#include <bit>
#include <charconv>

#include "adapters/common/json_walk.h"

namespace weir {

namespace {

// Reads the numbers into `bytes`; false when the list holds anything else.
bool vector_read(std::string_view list, ArenaText* bytes) {
  bytes->cut(0);
  JsonElements each(list);
  while (each.next()) {
    const std::string_view token = each.value();
    double number = 0;
    const auto [end, error] = std::from_chars(token.data(), token.data() + token.size(), number);
    if (end != token.data() + token.size()) return false;
    // Too small for a double is a zero; too large has no float.
    if (error == std::errc::result_out_of_range && number != 0) return false;
    if (error != std::errc() && error != std::errc::result_out_of_range) return false;
    auto bits = std::bit_cast<uint32_t>(static_cast<float>(number));
    char four[4];
    for (char& byte : four) {
      byte = static_cast<char>(bits & 0xff);
      bits >>= 8;
    }
    bytes->add({four, 4});
  }
  return !each.failed();
}

bool entry_write(std::string_view entry, ArenaText* bytes, ArenaText* out) {
  bool changed = false;
  bool first = true;
  out->add("{");
  JsonMembers members(entry);
  while (members.next()) {
    out->add(first ? "\"" : ",\"").add(members.key()).add("\":");
    first = false;
    if (members.key() == "embedding" && json_is_array(members.value()) &&
        vector_read(members.value(), bytes)) {
      out->add("\"").add_base64(bytes->view()).add("\"");
      changed = true;
    } else {
      out->add(members.value());
    }
  }
  out->add("}");
  return changed;
}

}  // namespace

bool embeddings_want_base64(const Call& call) {
  return call.endpoint == Endpoint::kEmbeddings &&
         call.request.value(Field::kEncodingFormat) == "\"base64\"";
}

std::string_view embeddings_to_base64(std::string_view reply, Arena& arena) {
  const std::string_view data = json_member(reply, "data");
  if (!json_is_array(data)) return {};
  ArenaText bytes(arena, 8192);
  ArenaText out(arena, reply.size() / 2 + 256);
  bool changed = false;
  // What is outside of the list stays as it was.
  out.add(reply.substr(0, static_cast<size_t>(data.data() - reply.data()))).add("[");
  const size_t start = out.size();
  JsonElements each(data);
  while (each.next()) {
    if (out.size() > start) out.add(",");
    if (json_is_object(each.value())) {
      changed |= entry_write(each.value(), &bytes, &out);
    } else {
      out.add(each.value());
    }
  }
  if (!changed || each.failed()) return {};
  const size_t behind = static_cast<size_t>(data.data() - reply.data()) + data.size();
  return out.add("]").add(reply.substr(behind)).view();
}

EmbeddingsWriter::EmbeddingsWriter(Arena& arena, bool base64, size_t reserve_bytes)
    : text_(arena, reserve_bytes + 256), bytes_(arena, base64 ? 8192 : 16), base64_(base64) {
  text_.add(R"({"object":"list","data":[)");
}

bool EmbeddingsWriter::add(std::string_view list) {
  if (!json_is_array(list) || !vector_read(list, &bytes_)) return false;
  text_.add(count_ == 0 ? "" : ",").add(R"({"object":"embedding","index":)");
  text_.add_number(static_cast<int64_t>(count_++)).add(R"(,"embedding":)");
  if (base64_) {
    text_.add("\"").add_base64(bytes_.view()).add("\"}");
  } else {
    text_.add(list).add("}");
  }
  return true;
}

std::string_view EmbeddingsWriter::finish(std::string_view model_json, int64_t prompt_tokens) {
  text_.add(R"(],"model":)").add(model_json);
  if (prompt_tokens >= 0) {
    text_.add(R"(,"usage":{"prompt_tokens":)").add_number(prompt_tokens);
    text_.add(R"(,"total_tokens":)").add_number(prompt_tokens).add("}");
  }
  return text_.add("}").view();
}

}  // namespace weir
