#include "control/config_units.h"

#include <gtest/gtest.h>

namespace weir {

TEST(ConfigUnits, ReadsGoDurations) {
  EXPECT_EQ(duration_parse_ns("0"), 0);
  EXPECT_EQ(duration_parse_ns("0s"), 0);
  EXPECT_EQ(duration_parse_ns("250ms"), 250'000'000);
  EXPECT_EQ(duration_parse_ns("1h30m"), 5'400'000'000'000);
  EXPECT_EQ(duration_parse_ns("1.5h"), 5'400'000'000'000);
  EXPECT_EQ(duration_parse_ns(".5s"), 500'000'000);
  EXPECT_EQ(duration_parse_ns("3\u00b5s"), 3'000);
  EXPECT_EQ(duration_parse_ns("7ns"), 7);
  EXPECT_EQ(duration_parse_ns("1d"), 86'400'000'000'000);
  for (const char* bad : {"", "1", "s", "-1s", "1s2", "1 s", ".s", "1e3s", "+1s", "1x",
                          "99999999999999999999s", "200000000h", "1.", "5S"}) {
    EXPECT_FALSE(duration_parse_ns(bad)) << bad;
  }
}

TEST(ConfigUnits, ReadsSizes) {
  EXPECT_EQ(size_parse("65536"), 65536u);
  EXPECT_EQ(size_parse("16KiB"), 16384u);
  EXPECT_EQ(size_parse("32MiB"), 33554432u);
  EXPECT_EQ(size_parse("1GiB"), 1073741824u);
  for (const char* bad : {"", "KiB", "1KB", "1.5MiB", "-1", "1 KiB", "99999999999999999999",
                          "9999999999999GiB"}) {
    EXPECT_FALSE(size_parse(bad)) << bad;
  }
}

TEST(ConfigUnits, WritesWhatItReads) {
  for (const uint64_t ms : {1u, 250u, 1000u, 600'000u, 86'400'000u}) {
    EXPECT_EQ(duration_parse_ns(duration_format_ms(ms)), static_cast<int64_t>(ms) * 1'000'000);
  }
  for (const uint64_t bytes : {uint64_t{0}, uint64_t{1}, uint64_t{65536}, uint64_t{1} << 30}) {
    EXPECT_EQ(size_parse(size_format(bytes)), bytes);
  }
}

}  // namespace weir
