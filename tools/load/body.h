// The request that is sent again and again: head and body as one string, made once. With
// --new-shapes three digits of it are others each time.
// The made-up chat body is rich in escapes and quotes, because those cost a scanner most.
// request_make throws std::runtime_error when the body file cannot be read. Any thread.
#pragma once

#include <cstddef>
#include <string>

#include "options.h"

namespace weir::load {

std::string body_make(const Options& options);
std::string request_make(const Options& options);
// Where the digits of max_tokens begin in the made-up request.
std::size_t max_tokens_at(const std::string& request);

}  // namespace weir::load
