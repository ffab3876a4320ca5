#include "net/transport.h"

#include <gtest/gtest.h>

#include <cstring>
#include <set>
#include <vector>

namespace weir {
namespace {

TEST(Transport, EveryErrorHasItsOwnText) {
  std::set<std::string_view> texts;
  for (int i = 0; i <= static_cast<int>(NetError::kOther); ++i) {
    texts.insert(net_error_text(static_cast<NetError>(i)));
  }
  EXPECT_EQ(texts.size(), static_cast<size_t>(NetError::kOther) + 1);
}

TEST(Transport, KeptBlocksAreCountedAndReused) {
  Net net;
  net_init_blocks(&net);
  char* first_data = net.current->data;
  std::memset(first_data, 'x', kReadBlockBytes + kReadPadding);
  ReadBlock* kept = net_keep_block(&net);
  EXPECT_EQ(kept->data, first_data);
  EXPECT_NE(net.current->data, first_data);
  EXPECT_EQ(net.kept_bytes, kReadBlockBytes);
  net_release_block(&net, kept);
  EXPECT_EQ(net.kept_bytes, 0u);
  EXPECT_EQ(net.spare_count, 1u);
  ReadBlock* second = net_keep_block(&net);
  EXPECT_EQ(net.current->data, first_data);
  EXPECT_EQ(net.spare_count, 0u);
  net_release_block(&net, second);
  net_free_blocks(&net);
  EXPECT_EQ(net.current, nullptr);
}

TEST(Transport, FewSpareBlocksAreHeld) {
  Net net;
  net_init_blocks(&net);
  std::vector<ReadBlock*> kept;
  constexpr size_t kKept = Net::kSpareBlocks + 4;
  for (size_t i = 0; i < kKept; ++i) kept.push_back(net_keep_block(&net));
  EXPECT_EQ(net.kept_bytes, kKept * kReadBlockBytes);
  for (ReadBlock* block : kept) net_release_block(&net, block);
  EXPECT_EQ(net.spare_count, Net::kSpareBlocks);
  EXPECT_EQ(net.kept_bytes, 0u);
  net_free_blocks(&net);
}

}  // namespace
}  // namespace weir
