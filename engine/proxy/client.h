// The client's side of an exchange: whoever asked and gets the answer. A connection
// (client_conn.h) and a caller inside the process (local_client.h) are the two there are.
//
// The exchange calls through a table of functions, as it does with a Transport, and does not know
// which of the two it has. It keeps a plain pointer from exchange_begin() until exchange_finish()
// or until the client says exchange_client_gone(). No function of the table calls back into the
// exchange; a client that finds itself gone while it writes says so in a later turn or by Took.
// Worker thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include <weir/types.h>

#include "base/clock.h"

namespace weir {

class AcceptedKey;
struct Client;
struct Exchange;
struct Worker;

// How answers go over to the client.
enum class ClientWire : uint8_t {
  kHttp10,
  kHttp11,
  kNone,  // no HTTP: heads are field lines alone, bodies go without framing
};

// A part of an answer, borrowed until return.
struct AnswerPart {
  std::string_view head = {};             // with the first part: what reply_head() made
  int status = 0;                         // with `head`
  std::span<const Slice> body = {};       // at most SliceList::kMax + 1
  bool stream = false;                    // its length is not known before its end
  bool last = false;                      // of a stream: this is its end
};

enum class Took : uint8_t {
  kAll,
  kRest,  // some of it waits; exchange_client_ready() tells when the client has taken it
  kGone,  // nobody is there any more, which is reported soon
};

// What becomes of the client when a request is over.
enum class ClientEnd : uint8_t {
  kNext,  // the answer is complete: keep-alive or a lingering close
  kCut,   // the answer is not complete: FIN without the end of its framing
  kGone,  // there is no client any more
};

// Given by the implementation; a static table.
struct ClientOps {
  Took (*write)(Client*, const AnswerPart& part);
  // Bytes of the answer that the client has not taken yet.
  size_t (*backlog)(const Client*);
  // The exchange is over and forgets the client. kNext or kCut.
  void (*ended)(Client*, ClientEnd end);
};

struct Client {
  // Unread answer bytes at which the upstream is paused, and at which it goes on (when drained).
  static constexpr size_t kHighWater = 256 * 1024;

  const ClientOps* ops = nullptr;
  Worker* worker = nullptr;
  Exchange* exchange = nullptr;
  AcceptedKey* key = nullptr;      // where the key that was found last is kept
  std::string_view peer;           // for the log; lives as long as the client
  Nanos first_byte_ns = 0;         // of the request at hand
  ClientWire wire = ClientWire::kHttp11;
  bool keep_alive = true;          // after the present request
};

[[nodiscard]] inline bool client_above_high_water(const Client* client) {
  return client->ops->backlog(client) > Client::kHighWater;
}

}  // namespace weir
