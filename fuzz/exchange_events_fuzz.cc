// Goal: whatever happens to clients, providers and the clock, in whatever order, no object is used
// after its end, every request ends once, and no broken answer looks whole.
// Method: each byte of the input is one decision of the random play on the simulated network.
#include <cstddef>
#include <cstdint>

#include "sim_chaos.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

namespace {

struct Input {
  const uint8_t* data;
  size_t left;
  uint64_t low = 0;

  // A decision that needs more than a byte says is spread by what came before.
  static uint64_t next(void* context) {
    auto* input = static_cast<Input*>(context);
    if (input->left == 0) return 0;
    --input->left;
    input->low = input->low * 0x9e3779b97f4a7c15u + 1;
    return (input->low >> 40 << 8) | *input->data++;
  }
};

}  // namespace

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  constexpr size_t kMost = 4096;
  if (size > kMost) return -1;
  Input input{data, size};
  weir::SimChaos chaos({Input::next, &input});
  while (input.left != 0) chaos.play();
  chaos.finish();
  return 0;
}
