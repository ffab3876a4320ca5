// The options of an openai-compatible provider, and the cheap search for quirks in its replies.
//
// Options are text in the configuration; quirks_check() refuses unknown ones when the configuration
// is loaded, so reading them later cannot fail. Worker or control thread; pure.
#pragma once

#include <span>
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
  bool images = true;                         // supports_images

  // Without an option; set by the adapters that build on this one.
  enum class History : uint8_t { kKeep, kRename, kDrop };
  History reasoning_history = History::kKeep;  // `reasoning_content` of earlier answers
  bool filter_results = false;                 // Azure's content filter speaks in the stream
};

// The options of the provider over what its type begins with.
[[nodiscard]] Quirks quirks_read(const Provider& provider, const Quirks& base = {});
// kConfig for an option that is unknown or has an unknown value; `also` names those that the
// adapter reads itself.
[[nodiscard]] Result<void> quirks_check(const Provider& provider,
                                        std::span<const std::string_view> also = {});

// False when `json` (a reply with choices, or the payload of one event) surely needs no repair.
// `open_calls`: a stream with tool calls that may still lack their arguments.
[[nodiscard]] bool reply_may_have_quirk(std::string_view json, const Quirks& quirks, bool stream,
                                        bool open_calls);

}  // namespace weir
