#include "adapters/loopback/embed.h"

#include <bit>
#include <cmath>

#include "adapters/loopback/prompt.h"
#include "json/json_write.h"

namespace weir {

namespace {

constexpr int kPlacesPerWord = 4;

constexpr uint64_t mix(uint64_t x) {
  x ^= x >> 32;
  x *= 0xd6e8feb86659fd93u;
  x ^= x >> 32;
  x *= 0xd6e8feb86659fd93u;
  return x ^ (x >> 32);
}

constexpr bool is_word_byte(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return byte >= 0x80 || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

void word_add(uint64_t hash, std::span<float> vector) {
  for (int i = 0; i < kPlacesPerWord; ++i) {
    hash = mix(hash + 0x9e3779b97f4a7c15u);
    vector[hash % vector.size()] += hash >> 63 != 0 ? 1.0f : -1.0f;
  }
}

std::unexpected<Error> refuse(std::string_view message, std::string_view param) {
  return std::unexpected(Error{Errc::kInvalidField, message, param});
}

void entry_write(Call& call, EmbedJob* job, std::string_view input, ArenaText* out) {
  const auto size = static_cast<size_t>(job->dimensions);
  float* numbers = reinterpret_cast<float*>(call.scratch.allocate(size * sizeof(float)));
  const std::span<float> vector(numbers, size);
  const std::string_view text = json_is_string(input) ? json_unquote(input, call.scratch) : input;
  text_embed(text, vector);
  if (json_is_string(input)) {
    job->words += words_count(text);
  } else {
    for (JsonElements tokens(input); tokens.next();) ++job->words;
  }
  out->add("{\"object\":\"embedding\",\"index\":").add_number(job->written);
  out->add(job->base64 ? ",\"embedding\":\"" : ",\"embedding\":[");
  if (job->base64) {
    char* bytes = call.scratch.allocate(size * 4);
    for (size_t i = 0; i < size * 4; ++i) {
      bytes[i] = static_cast<char>(std::bit_cast<uint32_t>(vector[i / 4]) >> i % 4 * 8 & 0xff);
    }
    out->add_base64({bytes, size * 4}).add("\"}");
    return;
  }
  for (size_t i = 0; i < size; ++i) out->add(i > 0 ? "," : "").add_float(vector[i]);
  out->add("]}");
}

}  // namespace

void text_embed(std::string_view text, std::span<float> vector) {
  for (float& number : vector) number = 0;
  constexpr uint64_t kSeed = 0xcbf29ce484222325u;
  uint64_t hash = kSeed;
  for (size_t i = 0; i <= text.size(); ++i) {
    const char c = i < text.size() ? text[i] : ' ';
    if (is_word_byte(c)) {
      const char lower = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
      hash = (hash ^ static_cast<unsigned char>(lower)) * 0x100000001b3u;
    } else if (hash != kSeed) {
      word_add(hash, vector);
      hash = kSeed;
    }
  }
  double squares = 0;
  for (const float number : vector) squares += static_cast<double>(number) * number;
  if (squares == 0) {
    vector[0] = 1;
    return;
  }
  const double scale = 1 / std::sqrt(squares);
  for (float& number : vector) number = static_cast<float>(number * scale);
}

Result<EmbedJob> embed_read(const Call& call) {
  EmbedJob job;
  job.input = call.request.value(Field::kInput);
  const std::string_view dimensions = json_member(call.request.body, "dimensions");
  if (!json_is_none(dimensions)) job.dimensions = json_integer(dimensions, 0);
  if (job.dimensions < 1 || job.dimensions > kMaxDimensions) {
    return refuse("dimensions must be a whole number from 1 to 4096", "dimensions");
  }
  const std::string_view format = call.request.value(Field::kEncodingFormat);
  job.base64 = format == "\"base64\"";
  if (!job.base64 && !json_is_none(format) && format != "\"float\"") {
    return refuse("encoding_format must be float or base64", "encoding_format");
  }
  int64_t count = 0;
  JsonElements each(job.input);
  while (each.next()) {
    if (++count == 1) job.single = !json_is_string(each.value()) && !json_is_array(each.value());
  }
  if (json_is_string(job.input)) job.single = true;
  if (!job.single && (count == 0 || count > kMaxInputs)) {
    return refuse("input must be a text, a list of up to 2048 texts, or token numbers", "input");
  }
  job.each = JsonElements(job.input);
  return job;
}

bool embed_next(Call& call, EmbedJob* job, ArenaText* out) {
  std::string_view input = job->input;
  if (job->single && job->written > 0) return false;
  if (!job->single) {
    if (!job->each.next()) return false;
    input = job->each.value();
  }
  if (job->written > 0) out->add(",");
  entry_write(call, job, input, out);
  ++job->written;
  return true;
}

}  // namespace weir
