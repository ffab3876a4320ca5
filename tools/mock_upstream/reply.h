// An answer with its HTTP framing decided: the head as bytes and how the body is wrapped.
// reply_make obeys the script, also where that makes wrong HTTP. Pure function, any thread.
#pragma once

#include <string>

#include "answer.h"
#include "request.h"
#include "script.h"

namespace weir::mock {

struct Reply {
  Script script;
  Answer answer;
  std::string head;  // informational heads included
  bool chunked = false;
  bool keep_alive = true;
};

Reply reply_make(Script script, const Request& request, Answer answer, const Identity& identity);

// One chunk, or the piece as it is.
std::string reply_frame(bool chunked, std::string_view piece);

}  // namespace weir::mock
