#include "sim_http.h"

#include <charconv>
#include <optional>

namespace weir {

const std::string_view kSimStreamHead =
    "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n";
const std::string_view kSimLastChunk = "0\r\n\r\n";

namespace {

// Decodes chunks in front of `rest`; true when the last one is there.
bool take_chunks(std::string_view* rest, std::string* body) {
  for (;;) {
    const size_t line = rest->find("\r\n");
    size_t size = 0;
    if (line == std::string_view::npos) return false;
    const auto [end, error] = std::from_chars(rest->data(), rest->data() + line, size, 16);
    if (error != std::errc() || end != rest->data() + line) return false;
    if (rest->size() < line + 2 + size + 2) return false;
    body->append(rest->substr(line + 2, size));
    rest->remove_prefix(line + 2 + size + 2);
    if (size == 0) return true;
  }
}

bool take_length(std::string_view* rest, std::string_view length, std::string* body) {
  size_t size = 0;
  std::from_chars(length.data(), length.data() + length.size(), size);
  const size_t there = size < rest->size() ? size : rest->size();
  body->assign(rest->substr(0, there));
  rest->remove_prefix(there);
  return there == size;
}

std::optional<SimAnswer> take_answer(std::string_view* rest, bool ended) {
  const size_t end = rest->find("\r\n\r\n");
  if (end == std::string_view::npos || !rest->starts_with("HTTP/1.1 ")) return std::nullopt;
  SimAnswer answer;
  answer.head = rest->substr(0, end + 2);
  std::from_chars(rest->data() + 9, rest->data() + 12, answer.status);
  rest->remove_prefix(end + 4);
  if (answer.status < 200) {
    answer.whole = true;
  } else if (!answer.field("transfer-encoding").empty()) {
    answer.whole = take_chunks(rest, &answer.body);
  } else if (!answer.field("content-length").empty()) {
    answer.whole = take_length(rest, answer.field("content-length"), &answer.body);
  } else {
    answer.body = *rest;
    *rest = {};
    answer.whole = ended;
  }
  return answer;
}

}  // namespace

std::string_view SimAnswer::field(std::string_view name) const {
  const std::string line = "\r\n" + std::string(name) + ": ";
  const size_t at = head.find(line);
  if (at == std::string::npos) return {};
  const size_t begin = at + line.size();
  return std::string_view(head).substr(begin, head.find("\r\n", begin) - begin);
}

std::string sim_chat_body(std::string_view model, std::string_view extra) {
  std::string body = "{\"model\":\"";
  body.append(model).append("\",\"messages\":[{\"role\":\"user\",\"content\":\"one two three\"}]");
  return body.append(extra) + "}";
}

std::string sim_post(std::string_view body, std::string_view fields, std::string_view path) {
  std::string text = "POST ";
  text.append(path).append(" HTTP/1.1\r\nHost: weir.test\r\n");
  text.append("Authorization: Bearer client-key\r\n");
  text.append(fields).append("Content-Length: ").append(std::to_string(body.size()));
  return text.append("\r\n\r\n").append(body);
}

std::string sim_chat(std::string_view model, std::string_view extra) {
  return sim_post(sim_chat_body(model, extra), "x-request-id: test-1\r\n");
}

std::string sim_stream(std::string_view model) {
  return sim_chat(model, ",\"stream\":true");
}

std::string sim_get(std::string_view path, std::string_view fields) {
  std::string text = "GET ";
  text.append(path).append(" HTTP/1.1\r\nHost: weir.test\r\nAuthorization: Bearer client-key\r\n");
  return text.append(fields).append("\r\n");
}

std::string sim_reply(int status, std::string_view body, std::string_view fields) {
  std::string text = "HTTP/1.1 " + std::to_string(status) + " X\r\n";
  text.append("Content-Type: application/json\r\n").append(fields);
  text.append("Content-Length: ").append(std::to_string(body.size()));
  return text.append("\r\n\r\n").append(body);
}

std::string sim_ok_body() {
  return "{\"id\":\"c-1\",\"object\":\"chat.completion\",\"model\":\"up\",\"choices\":[{\"index\":"
         "0,"
         "\"message\":{\"role\":\"assistant\",\"content\":\"four\"},\"finish_reason\":\"stop\"}],"
         "\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":1,\"total_tokens\":4}}";
}

std::string sim_chunk(std::string_view bytes) {
  char size[20];
  const auto [end, error] = std::to_chars(size, size + sizeof(size), bytes.size(), 16);
  return std::string(size, error == std::errc() ? end : size).append("\r\n").append(bytes) + "\r\n";
}

std::string sim_event(std::string_view text, bool last) {
  std::string event = "data: {\"id\":\"c-1\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"";
  event.append(text).append("\"},\"finish_reason\":");
  return event.append(last ? "\"stop\"" : "null").append("}]}\n\n");
}

std::vector<SimAnswer> sim_answers(std::string_view bytes, bool ended) {
  std::vector<SimAnswer> answers;
  while (auto answer = take_answer(&bytes, ended)) answers.push_back(std::move(*answer));
  return answers;
}

}  // namespace weir
