/* The version of these headers, and what marks a name as exported. Written by hand; the build
 * refuses numbers that differ from the project's. C and C++. */
#pragma once

#define WEIR_VERSION_MAJOR 0
#define WEIR_VERSION_MINOR 1
#define WEIR_VERSION_PATCH 0
#define WEIR_VERSION "0.1.0"

#define WEIR_API __attribute__((visibility("default")))
