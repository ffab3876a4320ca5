#include "control/outbound.h"

#include <curl/curl.h>
#include <netdb.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <mutex>

#include "base/check.h"
#include "net/address.h"

namespace weir {

int64_t unix_now_ms() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::milliseconds>(now).count();
}

struct Outbound::Transfer {
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
    curl_easy_cleanup(easy);
    curl_slist_free_all(fields);
    curl_slist_free_all(proxy_fields);
  }
};

Outbound::Outbound(AddressClass (*classify)(std::string_view host)) : classify_(classify) {
  static std::once_flag once;
  std::call_once(once, [] { curl_global_init(CURL_GLOBAL_DEFAULT); });
  multi_ = curl_multi_init();
  WEIR_CHECK(multi_ != nullptr);
}

Outbound::~Outbound() {
  for (const auto& transfer : transfers_) curl_multi_remove_handle(multi_, transfer->easy);
  transfers_.clear();
  curl_multi_cleanup(multi_);
}

void Outbound::wait(int wake_fd, int timeout_ms) {
  if (transfers_.empty()) {
    pollfd entry{wake_fd, POLLIN, 0};
    poll(&entry, 1, timeout_ms);
    return;
  }
  curl_waitfd entry{wake_fd, CURL_WAIT_POLLIN, 0};
  curl_multi_poll(multi_, &entry, 1, timeout_ms, nullptr);
}

void Outbound::perform() {
  if (transfers_.empty()) return;
  int running = 0;
  curl_multi_perform(multi_, &running);
  int left = 0;
  while (const CURLMsg* message = curl_multi_info_read(multi_, &left)) {
    if (message->msg == CURLMSG_DONE) finish(message->easy_handle, message->data.result);
  }
}

void Outbound::finish(void* easy, int result) {
  const auto found = std::find_if(transfers_.begin(), transfers_.end(),
                                  [easy](const auto& t) { return t->easy == easy; });
  WEIR_CHECK(found != transfers_.end());
  const std::unique_ptr<Transfer> transfer = std::move(*found);
  transfers_.erase(found);
  curl_multi_remove_handle(multi_, easy);
  OutboundReply reply;
  if (transfer->forbidden) {
    reply.error = "the address is not allowed (network.private_upstreams)";
  } else if (transfer->too_large) {
    reply.error = "the answer is too large";
  } else if (result != CURLE_OK) {
    reply.error = curl_easy_strerror(static_cast<CURLcode>(result));
  } else {
    long status = 0;
    curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
    reply.status = static_cast<int>(status);
    reply.body = std::move(transfer->body);
  }
  transfer->done(std::move(reply));
}

namespace {

void set_request(CURL* easy, const OutboundRequest& request) {
  curl_easy_setopt(easy, CURLOPT_URL, request.url.c_str());
  curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1);
  curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, static_cast<long>(request.timeout_ms));
  curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
  // Neither the environment's proxy nor its .netrc: what may be reached is configured.
  curl_easy_setopt(easy, CURLOPT_PROXY, request.proxy_host.c_str());
  curl_easy_setopt(easy, CURLOPT_NETRC, static_cast<long>(CURL_NETRC_IGNORED));
  if (!request.is_get) {
    curl_easy_setopt(easy, CURLOPT_POSTFIELDS, request.body.data());
    curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE,
                     static_cast<curl_off_t>(request.body.size()));
  }
  if (!request.ca_pem.empty()) {
    curl_blob blob{const_cast<char*>(request.ca_pem.data()), request.ca_pem.size(),
                   CURL_BLOB_NOCOPY};
    curl_easy_setopt(easy, CURLOPT_CAINFO_BLOB, &blob);
  }
}

}  // namespace

void Outbound::start(OutboundRequest request, OutboundDone done) {
  auto transfer = std::make_unique<Transfer>();
  transfer->request = std::move(request);
  transfer->done = std::move(done);
  transfer->classify = classify_;
  CURL* easy = transfer->easy = curl_easy_init();
  WEIR_CHECK(easy != nullptr);
  const OutboundRequest& asked = transfer->request;
  set_request(easy, asked);
  for (const auto& [name, value] : asked.headers) {
    transfer->fields = curl_slist_append(transfer->fields, (name + ": " + value).c_str());
  }
  // Small bodies need no permission first.
  transfer->fields = curl_slist_append(transfer->fields, "Expect:");
  curl_easy_setopt(easy, CURLOPT_HTTPHEADER, transfer->fields);
  if (!asked.proxy_host.empty()) {
    curl_easy_setopt(easy, CURLOPT_PROXYPORT, static_cast<long>(asked.proxy_port));
    curl_easy_setopt(easy, CURLOPT_HTTPPROXYTUNNEL, 1L);
    if (!asked.proxy_authorization.empty()) {
      transfer->proxy_fields = curl_slist_append(
          nullptr, ("Proxy-Authorization: " + asked.proxy_authorization).c_str());
      curl_easy_setopt(easy, CURLOPT_PROXYHEADER, transfer->proxy_fields);
      curl_easy_setopt(easy, CURLOPT_HEADEROPT, static_cast<long>(CURLHEADER_SEPARATE));
    }
  }
  curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, &Transfer::take_body);
  curl_easy_setopt(easy, CURLOPT_WRITEDATA, transfer.get());
  curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, &Transfer::open_socket);
  curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, transfer.get());
  curl_multi_add_handle(multi_, easy);
  transfers_.push_back(std::move(transfer));
}

}  // namespace weir
