#include "net/transport.h"

#include <cstdlib>
#include <cstring>
#include <new>

#include "base/check.h"

namespace weir {
namespace {

// The bytes lie right behind the struct. Only the padding is cleared: it must not be undefined.
ReadBlock* block_create() {
  void* memory = std::malloc(sizeof(ReadBlock) + kReadBlockBytes + kReadPadding);
  WEIR_CHECK(memory != nullptr);
  auto* block = new (memory) ReadBlock;
  block->data = static_cast<char*>(memory) + sizeof(ReadBlock);
  std::memset(block->data + kReadBlockBytes, 0, kReadPadding);
  return block;
}

ReadBlock* block_take(Net* net) {
  ReadBlock* block = net->spare;
  if (block == nullptr) return block_create();
  net->spare = block->next;
  --net->spare_count;
  block->next = nullptr;
  return block;
}

}  // namespace

std::string_view net_error_text(NetError error) {
  switch (error) {
    case NetError::kNone: return "no error";
    case NetError::kResolve: return "the host name could not be resolved";
    case NetError::kForbidden: return "the address is one that is never dialled";
    case NetError::kRefused: return "connection refused";
    case NetError::kUnreachable: return "the host is unreachable";
    case NetError::kReset: return "the connection was cut by the other side";
    case NetError::kTls: return "TLS failed";
    case NetError::kProxy: return "the CONNECT proxy did not open a tunnel";
    case NetError::kNoResources: return "out of descriptors or memory";
    case NetError::kOther: return "network error";
  }
  return "network error";
}

void net_init_blocks(Net* net) { net->current = block_create(); }

void net_free_blocks(Net* net) {
  std::free(net->current);
  net->current = nullptr;
  while (net->spare != nullptr) {
    ReadBlock* next = net->spare->next;
    std::free(net->spare);
    net->spare = next;
  }
  net->spare_count = 0;
}

ReadBlock* net_keep_block(Net* net) {
  ReadBlock* kept = net->current;
  net->current = block_take(net);
  net->kept_bytes += kReadBlockBytes;
  return kept;
}

void net_release_block(Net* net, ReadBlock* block) {
  WEIR_DCHECK(net->kept_bytes >= kReadBlockBytes);
  net->kept_bytes -= kReadBlockBytes;
  if (net->spare_count == Net::kSpareBlocks) return std::free(block);
  block->next = net->spare;
  net->spare = block;
  ++net->spare_count;
}

}  // namespace weir
