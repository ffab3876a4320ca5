// Goal: each setting that only a restart applies is named when the file says another value.
#include "control/restart_settings.h"

#include <gtest/gtest.h>

#include "control/config_load.h"

namespace weir {
namespace {

std::string changed(std::string_view before, std::string_view now) {
  const ConfigOptions options;
  const LoadedConfig a = config_load_text(before, "a", "", options);
  const LoadedConfig b = config_load_text(now, "b", "", options);
  EXPECT_TRUE(a.usable()) << a.first_error();
  EXPECT_TRUE(b.usable()) << b.first_error();
  return RestartSettings(a.config).changed(RestartSettings(b.config));
}

TEST(RestartSettings, NameWhatChanged) {
  EXPECT_EQ(changed("{}", "{}"), "");
  EXPECT_EQ(changed("{}", "limits: {max_body_bytes: 1MiB}"), "");
  EXPECT_EQ(changed("{}", "workers: auto"), "") << "the default, in so many words";
  EXPECT_EQ(changed("workers: 2", "workers: 3"), "workers");
  EXPECT_EQ(changed("{}", "pin_cpus: true\ndata_dir: ./other"), "pin_cpus, data_dir");
  EXPECT_EQ(changed("admin_key: planted-key-1", "admin_key: planted-key-2"), "admin_key");
  EXPECT_EQ(changed("listen: [{address: \"127.0.0.1:1\"}]",
                    "listen: [{address: \"127.0.0.1:2\"}]"),
            "listen");
  EXPECT_EQ(changed("listen: [{address: \"127.0.0.1:1\"}, {address: \"127.0.0.1:2\"}]",
                    "listen: [{address: \"127.0.0.1:1\"}]"),
            "listen");
  EXPECT_EQ(changed("previous_sealing_key: a", "previous_sealing_key: b"), "previous_sealing_key");
}

}  // namespace
}  // namespace weir
