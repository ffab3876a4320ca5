// Whether two heads say the same, member by member.
#pragma once

#include "http/parser.h"

namespace weir {

[[nodiscard]] inline bool same_head(const RequestHead& a, const RequestHead& b) {
  return a.method == b.method && a.method_name == b.method_name && a.target == b.target &&
         a.path == b.path && a.query == b.query && a.minor_version == b.minor_version &&
         a.keep_alive == b.keep_alive && a.expect_continue == b.expect_continue &&
         a.framing == b.framing && a.content_length == b.content_length &&
         a.authorization == b.authorization && a.api_key == b.api_key &&
         a.content_type == b.content_type && a.content_encoding == b.content_encoding &&
         a.request_id == b.request_id && a.via == b.via && a.weir_hop == b.weir_hop &&
         a.weir_timing == b.weir_timing && a.project_id == b.project_id &&
         a.space_id == b.space_id && a.host == b.host && a.field_count == b.field_count;
}

[[nodiscard]] inline bool same_head(const ResponseHead& a, const ResponseHead& b) {
  if (a.kept_count != b.kept_count) return false;
  for (size_t i = 0; i < a.kept_count; ++i) {
    if (a.kept[i].name != b.kept[i].name || a.kept[i].value != b.kept[i].value) return false;
  }
  return a.status == b.status && a.minor_version == b.minor_version &&
         a.keep_alive == b.keep_alive && a.framing == b.framing &&
         a.content_length == b.content_length && a.content_type == b.content_type &&
         a.content_encoding == b.content_encoding && a.retry_after == b.retry_after &&
         a.retry_after_ms == b.retry_after_ms && a.should_retry == b.should_retry &&
         a.date == b.date && a.keep_alive_timeout_s == b.keep_alive_timeout_s;
}

}  // namespace weir
