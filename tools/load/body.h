// The request that is sent again and again: head and body as one string, made once.
// The made-up chat body is rich in escapes and quotes, because those cost a scanner most.
// request_make throws std::runtime_error when the body file cannot be read. Any thread.
#pragma once

#include <string>

#include "options.h"

namespace weir::load {

std::string body_make(const Options& options);
std::string request_make(const Options& options);

}  // namespace weir::load
