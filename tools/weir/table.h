// Prints answers for people: a list as columns, an object as lines of "name  value".
#pragma once

#include <string>
#include <vector>

#include "json_tree.h"

namespace weir::cli {

struct Column {
  const char* title;
  const char* member;
};

// The members of the answer's `data`, or of the answer itself when that is a list.
void list_print(const JsonTree& answer, const std::vector<Column>& columns);
void object_print(const JsonTree& answer);

}  // namespace weir::cli
