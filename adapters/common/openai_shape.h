// What a null member of an adapter's table stands for: the common OpenAI form of each step.
//
// The engine calls these itself when a table member is null, and adapters that differ a little call
// them for the rest. Pure functions: no I/O, no clock, no globals. Worker thread, except
// openai_prepare() and openai_list_models(), which run on the control thread.
#pragma once

#include "adapters/common/openai_chunks.h"
#include "adapters/common/openai_error.h"
#include "adapters/common/openai_models.h"
#include "adapters/common/openai_request.h"
#include "adapters/common/openai_stream.h"
