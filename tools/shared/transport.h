// One TCP connection on a libuv loop, plain or TLS, for either side. The owner implements
// TransportUser and must keep the Transport alive until on_closed, the last call it makes.
// Bytes are read all the time, so that a disconnect is always seen; a write that the kernel does
// not take at once is copied and queued. Write errors are not reported: reading reports them.
// Thread: that of the loop.
#pragma once

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/socket.h>
#include <uv.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace weir::tools {

class TransportUser {
 public:
  // Connected, and the TLS handshake done. Called once, never from inside an opening function.
  virtual void on_open() = 0;
  virtual void on_bytes(std::string_view bytes) = 0;
  // The peer is gone, or the connection never came to be: UV_EOF, UV_ECONNRESET, UV_EPROTO (TLS)
  // and so on. Called at most once; the user is expected to close.
  virtual void on_gone(int error) = 0;
  virtual void on_drained() = 0;
  virtual void on_closed() = 0;

 protected:
  ~TransportUser() = default;
};

class Transport {
 public:
  Transport(uv_loop_t* loop, TransportUser* user) : user_(user) {
    uv_tcp_init(loop, &tcp_);
    tcp_.data = this;
  }
  Transport(const Transport&) = delete;
  Transport& operator=(const Transport&) = delete;
  ~Transport() { SSL_free(ssl_); }

  int accept_from(uv_stream_t* listener, SSL_CTX* tls) {
    const int error = uv_accept(listener, stream());
    if (error != 0) return error;
    uv_tcp_nodelay(&tcp_, 1);
    if (tls != nullptr) start_tls(tls, true, nullptr);
    read_start();
    return 0;
  }

  int connect_to(const sockaddr* address, SSL_CTX* tls, const char* server_name) {
    uv_tcp_nodelay(&tcp_, 1);
    if (tls != nullptr) start_tls(tls, false, server_name);
    connect_.data = this;
    return uv_tcp_connect(&connect_, &tcp_, address, &Transport::on_connect);
  }

  void write(std::string_view bytes) {
    if (closing_ || bytes.empty()) return;
    if (ssl_ == nullptr) return write_raw(bytes);
    // A memory BIO takes everything, so a short write can only mean a broken session.
    const int len = static_cast<int>(std::min<std::size_t>(bytes.size(), 1U << 30));
    if (SSL_write(ssl_, bytes.data(), len) == len) flush_tls();
    ERR_clear_error();
  }

  // A broken connection counts as full, so that nobody writes into the void until reading tells.
  std::size_t queued_bytes() const { return broken_ ? SIZE_MAX : tcp_.write_queue_size; }
  bool closing() const { return closing_; }

  // Sends what is queued, then FIN; reading goes on. A TLS session is said to be over only when
  // `notify` is set: without it the peer sees a truncated session, as after a crash.
  void send_fin(bool notify) {
    if (closing_ || fin_sent_) return;
    fin_sent_ = true;
    if (ssl_ != nullptr && notify) {
      SSL_shutdown(ssl_);
      ERR_clear_error();
      flush_tls();
    }
    shutdown_.data = this;
    uv_shutdown(&shutdown_, stream(), [](uv_shutdown_t*, int) {});
  }

  void close() {
    if (closing_) return;
    closing_ = true;
    uv_close(reinterpret_cast<uv_handle_t*>(&tcp_), &Transport::on_close);
  }

  // Closes with RST. libuv refuses that while a shutdown is pending, so the option is set by hand.
  void reset() {
    if (closing_) return;
    uv_os_fd_t fd = -1;
    const linger hard{1, 0};
    if (uv_fileno(reinterpret_cast<uv_handle_t*>(&tcp_), &fd) == 0) {
      setsockopt(fd, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
    }
    close();
  }

 private:
  static constexpr std::size_t kReadBytes = 256 * 1024;

  struct QueuedWrite {
    uv_write_t request;
    std::string bytes;
  };

  // One buffer per thread is enough: libuv fills it and hands it over in the same turn.
  static char* read_buffer() {
    static thread_local char buffer[kReadBytes];
    return buffer;
  }

  uv_stream_t* stream() { return reinterpret_cast<uv_stream_t*>(&tcp_); }

  void start_tls(SSL_CTX* context, bool server, const char* server_name) {
    ssl_ = SSL_new(context);
    SSL_set_bio(ssl_, BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
    if (server_name != nullptr) SSL_set_tlsext_host_name(ssl_, server_name);
    server ? SSL_set_accept_state(ssl_) : SSL_set_connect_state(ssl_);
  }

  void read_start() {
    const auto on_alloc = [](uv_handle_t*, std::size_t, uv_buf_t* buf) {
      *buf = uv_buf_init(read_buffer(), kReadBytes);
    };
    uv_read_start(stream(), on_alloc, &Transport::on_read);
  }

  static void on_connect(uv_connect_t* request, int status) {
    auto* self = static_cast<Transport*>(request->data);
    if (self->closing_) return;
    if (status != 0) return self->gone(status);
    self->read_start();
    if (self->ssl_ == nullptr) return self->user_->on_open();
    self->on_tls_bytes({});
  }

  static void on_read(uv_stream_t* stream, ssize_t len, const uv_buf_t* buf) {
    auto* self = static_cast<Transport*>(stream->data);
    if (len == 0) return;
    if (len < 0) {
      uv_read_stop(stream);
      return self->gone(len == UV_EOF ? self->end_kind() : static_cast<int>(len));
    }
    const std::string_view bytes(buf->base, static_cast<std::size_t>(len));
    if (self->ssl_ == nullptr) return self->user_->on_bytes(bytes);
    self->on_tls_bytes(bytes);
  }

  // libuv 1.44 reports a reset that follows a short read as a plain end of file, without asking the
  // socket; the socket still knows.
  int end_kind() {
    uv_os_fd_t fd = -1;
    int error = 0;
    socklen_t len = sizeof error;
    if (uv_fileno(reinterpret_cast<uv_handle_t*>(&tcp_), &fd) != 0) return UV_EOF;
    if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) != 0 || error == 0) return UV_EOF;
    return uv_translate_sys_error(error);
  }

  void on_tls_bytes(std::string_view bytes) {
    if (!bytes.empty()) BIO_write(SSL_get_rbio(ssl_), bytes.data(), static_cast<int>(bytes.size()));
    if (!open_) {
      const int result = SSL_do_handshake(ssl_);
      flush_tls();
      if (result != 1) return check_tls(result);
      open_ = true;
      user_->on_open();
    }
    static thread_local char clear[64 * 1024];
    while (!closing_) {
      const int len = SSL_read(ssl_, clear, sizeof clear);
      if (len <= 0) return check_tls(len);
      user_->on_bytes({clear, static_cast<std::size_t>(len)});
    }
  }

  void check_tls(int result) {
    const int error = SSL_get_error(ssl_, result);
    ERR_clear_error();
    if (closing_) return;
    flush_tls();
    if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE) return;
    gone(error == SSL_ERROR_ZERO_RETURN ? UV_EOF : UV_EPROTO);
  }

  void flush_tls() {
    BIO* out = SSL_get_wbio(ssl_);
    char* data = nullptr;
    const long len = BIO_get_mem_data(out, &data);
    if (len > 0) write_raw({data, static_cast<std::size_t>(len)});
    BIO_reset(out);
  }

  void write_raw(std::string_view bytes) {
    if (broken_) return;
    if (queued_bytes() == 0) {
      const uv_buf_t buf =
          uv_buf_init(const_cast<char*>(bytes.data()), static_cast<unsigned>(bytes.size()));
      const int sent = uv_try_write(stream(), &buf, 1);
      if (sent > 0) bytes.remove_prefix(static_cast<std::size_t>(sent));
      broken_ = sent < 0 && sent != UV_EAGAIN;
      if (broken_) return;
      if (bytes.empty()) return;
    }
    auto* queued = new QueuedWrite{{}, std::string(bytes)};
    queued->request.data = queued;
    const uv_buf_t buf =
        uv_buf_init(queued->bytes.data(), static_cast<unsigned>(queued->bytes.size()));
    if (uv_write(&queued->request, stream(), &buf, 1, &Transport::on_written) != 0) delete queued;
  }

  static void on_written(uv_write_t* request, int status) {
    auto* self = static_cast<Transport*>(request->handle->data);
    delete static_cast<QueuedWrite*>(request->data);
    if (status == 0 && !self->closing_ && self->queued_bytes() == 0) self->user_->on_drained();
  }

  void gone(int error) {
    if (gone_ || closing_) return;
    gone_ = true;
    user_->on_gone(error);
  }

  static void on_close(uv_handle_t* handle) {
    static_cast<Transport*>(handle->data)->user_->on_closed();
  }

  uv_tcp_t tcp_{};
  uv_connect_t connect_{};
  uv_shutdown_t shutdown_{};
  TransportUser* user_;
  SSL* ssl_ = nullptr;
  bool open_ = false;
  bool fin_sent_ = false;
  bool gone_ = false;
  bool broken_ = false;
  bool closing_ = false;
};

}  // namespace weir::tools
