#include "net/tcp.h"

#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/check.h"
#include "net/dial.h"
#include "net/tls.h"
#include "net/uv_net_state.h"

namespace weir {

// A list of slices goes to the kernel as it is.
static_assert(sizeof(Slice) == sizeof(iovec));
static_assert(offsetof(Slice, data) == offsetof(iovec, iov_base));
static_assert(offsetof(Slice, size) == offsetof(iovec, iov_len));

namespace {

constexpr unsigned kBlocksPerWrite = 4;  // libuv keeps so many buffers without an allocation

UvNet* net_of(const Tcp* tcp) { return uv_net_of(tcp->net); }
uv_stream_t* stream_of(Tcp* tcp) { return reinterpret_cast<uv_stream_t*>(&tcp->handle); }

// libuv asks for memory, and without any it does not read but says so to on_readable: the reading
// is ours. recvfrom costs 60 ns less than the read that libuv would make.
void on_alloc(uv_handle_t*, size_t, uv_buf_t* buffer) { *buffer = uv_buf_init(nullptr, 0); }

void on_read_ended(Tcp* tcp, NetError error) {
  switch (tcp->phase) {
    case TcpPhase::kConnecting: break;
    case TcpPhase::kProxy: return dial_on_proxy_ended(tcp->dial);
    case TcpPhase::kTls: return tls_on_ended(tcp, error);
    case TcpPhase::kPlain: return tcp_report_end(tcp, error);
  }
}

// A reset that follows a short read reaches us as the end of the stream; the socket knows better.
NetError end_kind(const Tcp* tcp) {
  int error = 0;
  socklen_t size = sizeof(error);
  if (getsockopt(tcp->fd, SOL_SOCKET, SO_ERROR, &error, &size) != 0) return NetError::kNone;
  return error == 0 ? NetError::kNone : NetError::kReset;
}

void on_bytes(Tcp* tcp, std::string_view bytes) {
  switch (tcp->phase) {
    case TcpPhase::kConnecting: break;
    case TcpPhase::kProxy: return dial_on_proxy_bytes(tcp->dial, bytes);
    case TcpPhase::kTls: return tls_on_bytes(tcp, bytes);
    case TcpPhase::kPlain: return tcp->events->on_read(tcp, bytes);
  }
}

// One read a turn: what is still there after it makes the next turn come at once.
void on_readable(uv_stream_t* stream, ssize_t, const uv_buf_t*) {
  auto* tcp = static_cast<Tcp*>(stream->data);
  UvNet* net = net_of(tcp);
  if (!net->opened.empty()) {
    net_tell_opened(net);
    // One of them may have closed or paused this one.
    if (uv_is_active(reinterpret_cast<uv_handle_t*>(stream)) == 0) return;
  }
  if (tcp->closing) return;
  const bool direct = tcp->read_into_bytes != 0 && tcp->phase == TcpPhase::kPlain;
  char* const to = direct ? tcp->read_into : net->current->data;
  const size_t room = direct ? tcp->read_into_bytes : kReadBlockBytes;
  long count = 0;
  do {
    count = syscall(SYS_recvfrom, tcp->fd, to, room, 0, nullptr, nullptr);
  } while (count < 0 && errno == EINTR);
  // What is long to read is long to handle.
  if (count > static_cast<long>(Outbox::kPieceBytes)) outbox_send_all(net);
  if (count > 0) return on_bytes(tcp, {to, static_cast<size_t>(count)});
  if (count < 0 && errno == EWOULDBLOCK) return;
  const NetError error = count < 0 ? net_error_of(-errno) : end_kind(tcp);
  tcp_stop_reading(tcp);
  on_read_ended(tcp, error);
}

bool takes_writes(const Tcp* tcp) {
  return !tcp->closing && !tcp->shutdown_wanted && tcp->write_error == NetError::kNone;
}
bool queue_is_empty(const Tcp* tcp) {
  return tcp->in_flight == nullptr && tcp->waiting == nullptr;
}

void free_blocks(Tcp* tcp, WriteBlock* block) {
  while (block != nullptr) {
    WriteBlock* next = block->next;
    net_of(tcp)->write_pool.give(block);
    block = next;
  }
}

void send_fin(Tcp* tcp) {
  int fd = -1;
  if (uv_fileno(reinterpret_cast<uv_handle_t*>(&tcp->handle), &fd) == 0) shutdown(fd, SHUT_WR);
}

void on_written(uv_write_t* request, int status);

// Hands the first waiting blocks to libuv; one uv_write runs at a time.
void flush_waiting(Tcp* tcp) {
  if (tcp->in_flight != nullptr || tcp->waiting == nullptr) return;
  uv_buf_t buffers[kBlocksPerWrite];
  unsigned count = 0;
  WriteBlock* last = nullptr;
  for (WriteBlock* b = tcp->waiting; b != nullptr && count < kBlocksPerWrite; b = b->next) {
    buffers[count++] = uv_buf_init(b->bytes, static_cast<unsigned>(b->used));
    last = b;
  }
  tcp->in_flight = tcp->waiting;
  tcp->waiting = last->next;
  if (tcp->waiting == nullptr) tcp->waiting_last = nullptr;
  last->next = nullptr;
  uv_write_t* request = &tcp->in_flight->request;
  request->data = tcp;
  const int error = uv_write(request, stream_of(tcp), buffers, count, on_written);
  if (error == 0) return;
  free_blocks(tcp, tcp->in_flight);
  tcp->in_flight = nullptr;
  tcp_fail_later(tcp, net_error_of(error));
}

// Runs in libuv's turn after a write ended, and with ECANCELED before the close callback.
void on_written(uv_write_t* request, int status) {
  auto* tcp = static_cast<Tcp*>(request->data);
  size_t bytes = 0;
  for (const WriteBlock* b = tcp->in_flight; b != nullptr; b = b->next) bytes += b->used;
  free_blocks(tcp, tcp->in_flight);
  tcp->in_flight = nullptr;
  if (tcp->closing) return;
  if (status < 0) return tcp_fail_later(tcp, net_error_of(status));
  tcp_take_queued(tcp, bytes);
  flush_waiting(tcp);
  if (tcp->queued_bytes != 0 || tcp->write_error != NetError::kNone) return;
  if (tcp->shutdown_wanted) send_fin(tcp);
  tcp->events->on_drain(tcp);
}

void queue_bytes(Tcp* tcp, std::string_view bytes) {
  tcp_add_queued(tcp, bytes.size());
  while (!bytes.empty()) {
    WriteBlock* block = tcp->waiting_last;
    if (block == nullptr || block->used == WriteBlock::kBytes) {
      block = net_of(tcp)->write_pool.take();
      (tcp->waiting_last != nullptr ? tcp->waiting_last->next : tcp->waiting) = block;
      tcp->waiting_last = block;
    }
    const size_t part = std::min(bytes.size(), WriteBlock::kBytes - block->used);
    bytes.copy(block->bytes + block->used, part);
    block->used += part;
    bytes.remove_prefix(part);
  }
}

// What uv_try_write() does while nothing waits, without its detours, and without a signal when the
// other side is gone. Bytes taken, or an error as libuv numbers it. Not by functions of libc, which
// bracket every call for the cancelling of threads. A few kilobytes in pieces are cheaper to bring
// together than to be walked over by the kernel.
ssize_t send_now(Tcp* tcp, std::span<const Slice> slices, size_t total) {
  std::string_view whole;
  msghdr message{};
  if (slices.size() == 1) {
    whole = slices[0].view();
  } else if (total <= UvNet::kGatherBytes) {
    char* end = net_of(tcp)->gather;
    for (const Slice& slice : slices) {
      if (slice.size != 0) std::memcpy(end, slice.data, slice.size);
      end += slice.size;
    }
    whole = {net_of(tcp)->gather, total};
  } else {
    message.msg_iov = reinterpret_cast<iovec*>(const_cast<Slice*>(slices.data()));
    message.msg_iovlen = slices.size();
  }
  long sent = 0;
  do {
    sent = message.msg_iovlen != 0 ? syscall(SYS_sendmsg, tcp->fd, &message, MSG_NOSIGNAL)
                                   : syscall(SYS_sendto, tcp->fd, whole.data(), whole.size(),
                                             MSG_NOSIGNAL, nullptr, 0);
  } while (sent < 0 && errno == EINTR);
  if (sent >= 0) return sent;
  return errno == EWOULDBLOCK || errno == ENOBUFS ? UV_EAGAIN : -errno;
}

void tcp_write(Transport* transport, std::span<const Slice> slices) {
  auto* tcp = static_cast<Tcp*>(transport);
  WEIR_DCHECK(tcp->connected || tcp->closing);
  tcp_write_raw(tcp, slices);
}

void tcp_write_lent(Transport* transport, std::string_view bytes, Loan* loan) {
  auto* tcp = static_cast<Tcp*>(transport);
  WEIR_DCHECK(tcp->connected || tcp->closing);
  if (takes_writes(tcp) && queue_is_empty(tcp) && outbox_lend(tcp, bytes, loan)) return;
  const Slice slice(bytes);
  tcp_write_raw(tcp, {&slice, 1});
}

void tcp_read_resume(Transport* transport) {
  auto* tcp = static_cast<Tcp*>(transport);
  if (tcp->read_ended) return;
  tcp->reading = true;
  if (tcp->connected) tcp_start_reading(tcp);
}

void on_handle_closed(uv_handle_t* handle) {
  auto* tcp = static_cast<Tcp*>(handle->data);
  UvNet* net = net_of(tcp);
  WEIR_DCHECK(tcp->in_flight == nullptr);
  if (tcp->events != nullptr) tcp->events->on_closed(tcp);
  if (tcp->tls_session != nullptr) tls_free(tcp);
  tcp->node.unlink();
  net->tcp_pool.give(tcp);
  net_handle_gone(net);
}

// Detaches everything first; the memory stays until libuv has let go of the handle.
void close_handle(Tcp* tcp) {
  if (tcp->closing) return;
  outbox_send(tcp);
  tcp->closing = true;
  tcp->reading = false;
  tcp->deferred = 0;
  tcp->deferred_node.unlink();
  tcp_take_queued(tcp, tcp->queued_bytes);
  free_blocks(tcp, tcp->waiting);
  tcp->waiting = tcp->waiting_last = nullptr;
  if (tcp->dial != nullptr) dial_release(tcp->dial);
  uv_close(reinterpret_cast<uv_handle_t*>(&tcp->handle), on_handle_closed);
}

}  // namespace

const TransportOps kTcpOps = {
    .write = tcp_write,
    .write_lent = tcp_write_lent,
    .read_pause = tcp_read_pause,
    .read_resume = tcp_read_resume,
    .shutdown = tcp_shutdown,
    .close = tcp_close,
    .abort = tcp_abort,
};

Tcp* tcp_create(UvNet* net, TcpPhase phase) {
  Tcp* tcp = net->tcp_pool.take();
  tcp->ops = &kTcpOps;
  tcp->net = net;
  tcp->phase = phase;
  WEIR_CHECK(uv_tcp_init(net->loop, &tcp->handle) == 0);
  tcp->handle.data = tcp;
  net_handle_made(net, reinterpret_cast<uv_handle_t*>(&tcp->handle));
  net->connections.push_back(tcp);
  return tcp;
}

void tcp_set_no_delay(int fd) {
  const int one = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
}

int tcp_open(Tcp* tcp, int fd) {
  const int error = uv_tcp_open(&tcp->handle, fd);
  if (error != 0) close(fd);
  tcp->connected = error == 0;
  tcp->fd = error == 0 ? fd : -1;
  return error;
}

void tcp_start_reading(Tcp* tcp) {
  if (tcp->closing || tcp->read_ended) return;
  const int error = uv_read_start(stream_of(tcp), on_alloc, on_readable);
  if (error != 0 && error != UV_EALREADY) tcp_fail_later(tcp, net_error_of(error));
}

void tcp_stop_reading(Tcp* tcp) { uv_read_stop(stream_of(tcp)); }

void tcp_write_raw(Tcp* tcp, std::span<const Slice> slices) {
  if (!takes_writes(tcp)) return;
  size_t total = 0;
  for (const Slice& slice : slices) total += slice.size;
  if (total == 0) return;
  if (queue_is_empty(tcp) && outbox_keep(tcp, slices, total)) return;
  outbox_send(tcp);
  if (tcp->write_error == NetError::kNone) tcp_write_now(tcp, slices, total);
}

void tcp_write_now(Tcp* tcp, std::span<const Slice> slices, size_t total) {
  size_t sent = 0;
  if (queue_is_empty(tcp)) {
    const ssize_t count = send_now(tcp, slices, total);
    if (count < 0 && count != UV_EAGAIN) {
      return tcp_fail_later(tcp, net_error_of(static_cast<int>(count)));
    }
    sent = count > 0 ? static_cast<size_t>(count) : 0;
    if (sent == total) return;
  }
  for (const Slice& slice : slices) {
    const size_t skip = std::min(sent, slice.size);
    sent -= skip;
    queue_bytes(tcp, slice.view().substr(skip));
  }
  flush_waiting(tcp);
}

void tcp_defer(Tcp* tcp, uint8_t what) {
  UvNet* net = net_of(tcp);
  if (tcp->closing || net->closing) return;
  tcp->deferred |= what;
  if (tcp->deferred_node.linked()) return;
  (what == kDeferOpened ? net->opened : net->fresh).push_back(tcp);
  net_wake_deferred(net);
}

void tcp_report_end(Tcp* tcp, NetError error) {
  if (tcp->closing || tcp->read_ended) return;
  tcp->read_ended = true;
  tcp->reading = false;
  if (error == NetError::kNone) return tcp->events->on_eof(tcp);
  tcp->write_error = error;
  tcp->deferred &= static_cast<uint8_t>(~kDeferError);
  tcp->events->on_error(tcp, error);
}

void tcp_fail_later(Tcp* tcp, NetError error) {
  if (tcp->write_error != NetError::kNone) return;
  tcp->write_error = error;
  tcp_defer(tcp, kDeferError);
}

void tcp_add_queued(Tcp* tcp, size_t bytes) {
  tcp->queued_bytes += bytes;
  tcp->net->queued_bytes += bytes;
}

void tcp_take_queued(Tcp* tcp, size_t bytes) {
  WEIR_DCHECK(tcp->queued_bytes >= bytes);
  tcp->queued_bytes -= bytes;
  tcp->net->queued_bytes -= bytes;
}

void tcp_on_deferred(Tcp* tcp) {
  const uint8_t what = tcp->deferred;
  tcp->deferred = 0;
  if ((what & kDeferOpenFailed) != 0) dial_report_failure(tcp->dial);
  if ((what & kDeferOpened) != 0) dial_report_opened(tcp);
  if ((what & kDeferStart) != 0 && !tcp->closing && tcp->reading) tcp_start_reading(tcp);
  if ((what & kDeferTlsRead) != 0 && !tcp->closing) tls_on_deferred_read(tcp);
  if ((what & kDeferError) == 0 || tcp->closing) return;
  if (tcp->dial != nullptr) return dial_on_write_failed(tcp->dial, tcp->write_error);
  tcp_stop_reading(tcp);
  tcp->read_ended = true;
  tcp->reading = false;
  tcp->events->on_error(tcp, tcp->write_error);
}

void tcp_read_pause(Transport* transport) {
  auto* tcp = static_cast<Tcp*>(transport);
  tcp->reading = false;
  if (tcp->connected && tcp->dial == nullptr) tcp_stop_reading(tcp);
}

void tcp_shutdown(Transport* transport) {
  auto* tcp = static_cast<Tcp*>(transport);
  outbox_send(tcp);
  if (tcp->shutdown_wanted || tcp->write_error != NetError::kNone) return;
  tcp->shutdown_wanted = true;
  if (queue_is_empty(tcp)) send_fin(tcp);
}

void tcp_close(Transport* transport) { close_handle(static_cast<Tcp*>(transport)); }

void tcp_abort(Transport* transport) {
  auto* tcp = static_cast<Tcp*>(transport);
  int fd = -1;
  const auto* handle = reinterpret_cast<const uv_handle_t*>(&tcp->handle);
  if (!tcp->closing && uv_fileno(handle, &fd) == 0) {
    // A linger time of zero makes close(2) send RST. (uv_tcp_close_reset refuses after a FIN.)
    const linger reset = {.l_onoff = 1, .l_linger = 0};
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
  }
  close_handle(tcp);
}

NetError net_error_of(int uv_error) {
  switch (uv_error) {
    case 0: return NetError::kNone;
    case UV_ECONNREFUSED: return NetError::kRefused;
    case UV_ECONNRESET:
    case UV_ECONNABORTED:
    case UV_EPIPE:
    case UV_ENOTCONN: return NetError::kReset;
    case UV_EHOSTUNREACH:
    case UV_ENETUNREACH:
    case UV_ENETDOWN:
    case UV_EADDRNOTAVAIL:
    case UV_EAFNOSUPPORT:
    case UV_ETIMEDOUT: return NetError::kUnreachable;
    case UV_EMFILE:
    case UV_ENFILE:
    case UV_ENOBUFS:
    case UV_ENOMEM: return NetError::kNoResources;
    default: return NetError::kOther;
  }
}

}  // namespace weir
