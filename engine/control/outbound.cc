#include "control/outbound.h"

#include <netdb.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>

#include "base/check.h"
#include "control/curl_library.h"
#include "net/address.h"

namespace weir {

int64_t unix_now_ms() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::milliseconds>(now).count();
}

struct Outbound::Transfer {
  const CurlLibrary* curl;
  OutboundRequest request;
  OutboundDone done;
  AddressClass (*classify)(std::string_view host) = nullptr;
  CURL* easy = nullptr;
  curl_slist* fields = nullptr;
  curl_slist* proxy_fields = nullptr;
  std::string body;
  bool forbidden = false;  // the name led to an address that is not allowed
  bool too_large = false;

  static size_t take_body(char* data, size_t, size_t size, void* context) {
    auto* self = static_cast<Transfer*>(context);
    self->too_large = self->body.size() + size > self->request.max_body;
    if (self->too_large) return 0;
    self->body.append(data, size);
    return size;
  }

  // The name was checked when the configuration was read; what it leads to now is checked here.
  static curl_socket_t open_socket(void* context, curlsocktype, curl_sockaddr* address) {
    auto* self = static_cast<Transfer*>(context);
    char text[NI_MAXHOST] = {};
    const bool named = getnameinfo(&address->addr, address->addrlen, text, sizeof text, nullptr, 0,
                                   NI_NUMERICHOST) == 0;
    const AddressClass kind = self->classify == nullptr ? AddressClass::kPublic
                              : named                   ? self->classify(text)
                                                        : AddressClass::kForbidden;
    const bool refused = kind == AddressClass::kForbidden ||
                         (kind == AddressClass::kPrivate && self->request.deny_private &&
                          self->request.proxy_host.empty());
    self->forbidden = self->forbidden || refused;
    if (refused) return CURL_SOCKET_BAD;
    return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
  }

  ~Transfer() {
    if (curl == nullptr) return;
    curl->easy_cleanup(easy);
    curl->slist_free_all(fields);
    curl->slist_free_all(proxy_fields);
  }
};

Outbound::Outbound(AddressClass (*classify)(std::string_view host)) : classify_(classify) {}

Outbound::~Outbound() {
  if (multi_ == nullptr) return;
  for (const auto& transfer : transfers_) {
    curl_library()->multi_remove_handle(multi_, transfer->easy);
  }
  transfers_.clear();
  curl_library()->multi_cleanup(multi_);
}

void Outbound::wait(int wake_fd, int timeout_ms) {
  if (multi_ == nullptr || transfers_.empty()) {
    pollfd entry{wake_fd, POLLIN, 0};
    // Those that could not begin only wait to be told so.
    poll(&entry, 1, transfers_.empty() ? timeout_ms : 0);
    return;
  }
  curl_waitfd entry{wake_fd, CURL_WAIT_POLLIN, 0};
  curl_library()->multi_poll(multi_, &entry, 1, timeout_ms, nullptr);
}

void Outbound::perform() {
  if (transfers_.empty()) return;
  if (multi_ == nullptr) return fail_all(curl_missing());
  const CurlLibrary& curl = *curl_library();
  int running = 0;
  curl.multi_perform(multi_, &running);
  int left = 0;
  while (const CURLMsg* message = curl.multi_info_read(multi_, &left)) {
    if (message->msg == CURLMSG_DONE) finish(message->easy_handle, message->data.result);
  }
}

void Outbound::fail_all(const char* reason) {
  const std::vector<std::unique_ptr<Transfer>> failed = std::move(transfers_);
  transfers_.clear();
  for (const auto& transfer : failed) transfer->done({.status = 0, .body = {}, .error = reason});
}

void Outbound::finish(void* easy, int result) {
  const auto found = std::find_if(transfers_.begin(), transfers_.end(),
                                  [easy](const auto& t) { return t->easy == easy; });
  WEIR_CHECK(found != transfers_.end());
  const std::unique_ptr<Transfer> transfer = std::move(*found);
  transfers_.erase(found);
  const CurlLibrary& curl = *transfer->curl;
  curl.multi_remove_handle(multi_, easy);
  OutboundReply reply;
  if (transfer->forbidden) {
    reply.error = "the address is not allowed (network.private_upstreams)";
  } else if (transfer->too_large) {
    reply.error = "the answer is too large";
  } else if (result != CURLE_OK) {
    reply.error = curl.easy_strerror(static_cast<CURLcode>(result));
  } else {
    long status = 0;
    curl.easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
    reply.status = static_cast<int>(status);
    reply.body = std::move(transfer->body);
  }
  transfer->done(std::move(reply));
}

namespace {

void set_request(const CurlLibrary& curl, CURL* easy, const OutboundRequest& request) {
  curl.easy_setopt(easy, CURLOPT_URL, request.url.c_str());
  curl.easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
  curl.easy_setopt(easy, CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1);
  curl.easy_setopt(easy, CURLOPT_TIMEOUT_MS, static_cast<long>(request.timeout_ms));
  curl.easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
  // Neither the environment's proxy nor its .netrc: what may be reached is configured.
  curl.easy_setopt(easy, CURLOPT_PROXY, request.proxy_host.c_str());
  curl.easy_setopt(easy, CURLOPT_NETRC, static_cast<long>(CURL_NETRC_IGNORED));
  if (!request.is_get) {
    curl.easy_setopt(easy, CURLOPT_POSTFIELDS, request.body.data());
    curl.easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE,
                     static_cast<curl_off_t>(request.body.size()));
  }
  if (!request.ca_pem.empty()) {
    curl_blob blob{const_cast<char*>(request.ca_pem.data()), request.ca_pem.size(),
                   CURL_BLOB_NOCOPY};
    curl.easy_setopt(easy, CURLOPT_CAINFO_BLOB, &blob);
  }
}

}  // namespace

void Outbound::start(OutboundRequest request, OutboundDone done) {
  auto transfer = std::make_unique<Transfer>();
  transfer->request = std::move(request);
  transfer->done = std::move(done);
  transfer->classify = classify_;
  transfer->curl = curl_library();
  if (transfer->curl == nullptr) {  // perform() says so
    transfers_.push_back(std::move(transfer));
    return;
  }
  const CurlLibrary& curl = *transfer->curl;
  if (multi_ == nullptr) multi_ = curl.multi_init();
  CURL* easy = transfer->easy = curl.easy_init();
  WEIR_CHECK(multi_ != nullptr && easy != nullptr);
  const OutboundRequest& asked = transfer->request;
  set_request(curl, easy, asked);
  for (const auto& [name, value] : asked.headers) {
    transfer->fields = curl.slist_append(transfer->fields, (name + ": " + value).c_str());
  }
  // Small bodies need no permission first.
  transfer->fields = curl.slist_append(transfer->fields, "Expect:");
  curl.easy_setopt(easy, CURLOPT_HTTPHEADER, transfer->fields);
  if (!asked.proxy_host.empty()) {
    curl.easy_setopt(easy, CURLOPT_PROXYPORT, static_cast<long>(asked.proxy_port));
    curl.easy_setopt(easy, CURLOPT_HTTPPROXYTUNNEL, 1L);
    if (!asked.proxy_authorization.empty()) {
      transfer->proxy_fields = curl.slist_append(
          nullptr, ("Proxy-Authorization: " + asked.proxy_authorization).c_str());
      curl.easy_setopt(easy, CURLOPT_PROXYHEADER, transfer->proxy_fields);
      curl.easy_setopt(easy, CURLOPT_HEADEROPT, static_cast<long>(CURLHEADER_SEPARATE));
    }
  }
  curl.easy_setopt(easy, CURLOPT_WRITEFUNCTION, &Transfer::take_body);
  curl.easy_setopt(easy, CURLOPT_WRITEDATA, transfer.get());
  curl.easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, &Transfer::open_socket);
  curl.easy_setopt(easy, CURLOPT_OPENSOCKETDATA, transfer.get());
  curl.multi_add_handle(multi_, easy);
  transfers_.push_back(std::move(transfer));
}

}  // namespace weir
