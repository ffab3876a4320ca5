// The options of an openai-compatible provider, and the cheap search for quirks in its replies.
//
// Options are text in the configuration; quirks_check() refuses unknown ones when the configuration
// is loaded, so reading them later cannot fail. Worker or control thread; pure.
#pragma once

#include <string_view>

#include <weir/types.h>

namespace weir {

struct Provider;

struct Quirks {
  enum class CapField : uint8_t { kMaxTokens, kMaxCompletionTokens, kAsSent };
  CapField cap_field = CapField::kMaxTokens;  // max_tokens_field
  bool stream_options = true;                 // supports_stream_options
  bool developer_role = false;                // supports_developer_role
  bool content_string = false;                // content_must_be_string
  bool tools = true;                          // supports_tools
  bool tool_choice = true;                    // supports_tool_choice
  bool parallel_tool_calls = true;            // supports_parallel_tool_calls
  bool rename_reasoning = true;               // reasoning_field: auto | reasoning_content
  bool strip_nulls = true;                    // strip_null_fields
};

[[nodiscard]] Quirks quirks_read(const Provider& provider);
// kConfig for an option that is unknown or has an unknown value.
[[nodiscard]] Result<void> quirks_check(const Provider& provider);

// False when `json` (a reply with choices, or the payload of one event) surely needs no repair.
// `open_calls`: a stream with tool calls that may
// still lack their arguments.
[[nodiscard]] bool reply_may_have_quirk(std::string_view json, const Quirks& quirks, bool stream,
                                        bool open_calls);

}  // namespace weir
