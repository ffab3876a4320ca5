#include "net/outbox.h"

#include <cstring>

#include "base/check.h"
#include "net/uv_net_state.h"

namespace weir {

namespace {

void send_piece(Outbox::Piece* piece) {
  Tcp* tcp = piece->tcp;
  piece->tcp = nullptr;
  tcp->piece = Outbox::kNoPiece;
  // The peer may have failed since it was written.
  if (tcp->write_error == NetError::kNone) {
    const Slice slice(piece->data, piece->size);
    tcp_write_now(tcp, {&slice, 1}, piece->size);
  }
  if (piece->loan != nullptr) loan_end(piece->loan);
}

void add_piece(Outbox* box, Tcp* tcp, std::string_view bytes, Loan* loan) {
  tcp->piece = static_cast<uint8_t>(box->pieces_used);
  box->pieces[box->pieces_used++] = {tcp, bytes.data(), static_cast<uint32_t>(bytes.size()), loan};
}

void append(Outbox* box, std::span<const Slice> slices) {
  for (const Slice& slice : slices) {
    if (slice.size != 0) std::memcpy(box->bytes + box->bytes_used, slice.data, slice.size);
    box->bytes_used += slice.size;
  }
}

}  // namespace

bool outbox_keep(Tcp* tcp, std::span<const Slice> slices, size_t total) {
  UvNet* net = uv_net_of(tcp->net);
  Outbox& box = net->outbox;
  if (!box.in_round || total > Outbox::kPieceBytes) return false;
  WEIR_DCHECK(tcp->in_flight == nullptr && tcp->waiting == nullptr);
  if (tcp->piece != Outbox::kNoPiece) {
    // More for the piece that was written last.
    Outbox::Piece& piece = box.pieces[tcp->piece];
    if (tcp->piece + 1u != box.pieces_used || piece.loan != nullptr) return false;
    if (piece.size + total > Outbox::kPieceBytes || box.bytes_used + total > Outbox::kBytes) {
      return false;
    }
    append(&box, slices);
    piece.size += static_cast<uint32_t>(total);
    return true;
  }
  if (box.pieces_used == Outbox::kPieces || box.bytes_used + total > Outbox::kBytes) {
    outbox_send_all(net);
  }
  add_piece(&box, tcp, {box.bytes + box.bytes_used, total}, nullptr);
  append(&box, slices);
  return true;
}

bool outbox_lend(Tcp* tcp, std::string_view bytes, Loan* loan) {
  UvNet* net = uv_net_of(tcp->net);
  Outbox& box = net->outbox;
  if (!box.in_round || bytes.size() > Outbox::kPieceBytes) return false;
  if (tcp->piece != Outbox::kNoPiece) return false;
  WEIR_DCHECK(tcp->in_flight == nullptr && tcp->waiting == nullptr);
  if (box.pieces_used == Outbox::kPieces) outbox_send_all(net);
  add_piece(&box, tcp, bytes, loan);
  ++loan->out;
  return true;
}

void outbox_send(Tcp* tcp) {
  if (tcp->piece == Outbox::kNoPiece) return;
  send_piece(&uv_net_of(tcp->net)->outbox.pieces[tcp->piece]);
}

void outbox_send_all(UvNet* net) {
  // A send tells nobody anything before a later turn, so nothing is added meanwhile.
  Outbox& box = net->outbox;
  for (size_t i = 0; i < box.pieces_used; ++i) {
    if (box.pieces[i].tcp != nullptr) send_piece(&box.pieces[i]);
  }
  box.pieces_used = box.bytes_used = 0;
}

}  // namespace weir
