// The result of a run, as a table for people and as JSON for scripts. Pure functions, any thread.
#pragma once

#include <string>

#include "options.h"
#include "tally.h"

namespace weir::load {

struct Result {
  Tally tally;
  double elapsed_s = 0;            // of the measured window
  double cpu_us_per_request = -1;  // below zero: not asked for
  double cpu_s = 0;
};

std::string report_table(const Options& options, const Result& result);
std::string report_json(const Options& options, const Result& result);

}  // namespace weir::load
