// What connections write while a round of events is handled, sent in one go when it is over.
//
// A round is what the loop's wait brought: some events when there is much to do, one when there is
// little. Handling requests and sending are much code each, the kernel's included; in turns, event
// by event, they would push one another out of the processor's caches, and each send may wake a
// peer that takes the core. So writes of a few kilobytes are kept for the end of the round, in the
// order in which they were made. Outside of rounds nothing is kept.
//
// A connection has at most one piece here, and nothing else of it waits then. Whatever comes
// between its bytes and the kernel (a large write, FIN, close) sends the piece first. Part of
// UvNet; worker thread only.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include <weir/types.h>

namespace weir {

struct Loan;
struct Tcp;
struct UvNet;

struct Outbox {
  static constexpr size_t kPieces = 64;
  static constexpr size_t kBytes = 64 * 1024;
  static constexpr size_t kPieceBytes = 8 * 1024;  // more than that goes by itself, at once
  static constexpr uint8_t kNoPiece = UINT8_MAX;
  struct Piece {
    Tcp* tcp;  // null: it was sent before its turn
    const char* data;
    uint32_t size;
    Loan* loan;  // of the memory it lies in; null: in `bytes`
  };
  static_assert(kPieces < kNoPiece);

  Outbox() {}  // NOLINT: not defaulted, so that making one does not zero the bytes
  bool in_round = false;
  size_t pieces_used = 0;
  size_t bytes_used = 0;
  std::array<Piece, kPieces> pieces;
  char bytes[kBytes];
};

// Keeps a write of the connection, for which nothing may wait in its queue. False: it has to be
// sent by itself, now. May send what others wrote, to make room.
[[nodiscard]] bool outbox_keep(Tcp* tcp, std::span<const Slice> slices, size_t total);
// The same for memory that is lent: it is not copied.
[[nodiscard]] bool outbox_lend(Tcp* tcp, std::string_view bytes, Loan* loan);
// Sends what is kept of this connection.
void outbox_send(Tcp* tcp);
// Sends all of it. Before work that takes long, so that nobody waits for it.
void outbox_send_all(UvNet* net);

}  // namespace weir
