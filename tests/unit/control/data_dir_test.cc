#include "control/data_dir.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>

namespace weir {

namespace {

TEST(DataDir, IsPrivateAndHeldOnce) {
  const std::string path = testing::TempDir() + "/weir-data-" + std::to_string(getpid()) + "/in";
  {
    const auto data = DataDir::open(path);
    ASSERT_TRUE(data) << data.error();
    struct stat info {};
    ASSERT_EQ(stat(path.c_str(), &info), 0);
    EXPECT_EQ(info.st_mode & 0777, 0700u);
    const auto second = DataDir::open(path);
    ASSERT_FALSE(second);
    EXPECT_NE(second.error().find("is in use by another weir process"), std::string::npos);

    unsetenv("WEIR_ADMIN_KEY");
    const auto made = admin_key_find(Secret(), *data);
    ASSERT_TRUE(made) << made.error();
    EXPECT_TRUE(made->made);
    EXPECT_GE(made->value.reveal().size(), 40u);
    ASSERT_EQ(stat(made->file.c_str(), &info), 0);
    EXPECT_EQ(info.st_mode & 0777, 0600u);
    const auto again = admin_key_find(Secret(), *data);
    EXPECT_FALSE(again->made);
    EXPECT_EQ(again->value.reveal(), made->value.reveal());
    EXPECT_EQ(admin_key_find(Secret("mine"), *data)->value.reveal(), "mine");
    setenv("WEIR_ADMIN_KEY", "from-env", 1);
    EXPECT_EQ(admin_key_find(Secret(), *data)->value.reveal(), "from-env");
    unsetenv("WEIR_ADMIN_KEY");
  }
  EXPECT_TRUE(DataDir::open(path));
  EXPECT_FALSE(DataDir::open("/dev/null/x"));
}

}  // namespace

}  // namespace weir
