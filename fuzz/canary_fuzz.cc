// Goal: prove that the fuzzing works. This target must crash within seconds; when it does not, no
// other target's silence means anything.
#include <cstddef>
#include <cstdint>
#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  // One byte at a time, so that coverage leads the way.
  if (size > 3 && data[0] == 'w') {
    if (data[1] == 'e') {
      if (data[2] == 'i') {
        if (data[3] == 'r') std::abort();
      }
    }
  }
  return 0;
}
