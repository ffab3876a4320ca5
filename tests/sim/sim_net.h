// A network without a kernel: every byte, end and fault between a Worker and its peers is an event
// that waits until it is delivered, one at a time, in an order that the caller chooses.
//
// A SimTransport is the worker's end and is deleted behind on_closed, so that a late use is seen by
// the address sanitizer. A SimPeer is the far end (a client or a provider), in the hands of the
// test, and lives as long as the net. Bytes are read at the very end of a read block: behind the
// padding that the transport promises nothing is readable, and after on_read the block is poisoned.
// One thread.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "net/transport.h"

namespace weir {

class SimNet;
struct SimTransport;

struct SimEvent {
  enum class Kind : uint8_t { kOpen, kBytes, kFin, kFault };
  Kind kind = Kind::kBytes;
  NetError error = NetError::kNone;
  std::string bytes = {};  // or the detail of a failed dial
};

struct SimPeer {
  static constexpr size_t kUnbounded = SIZE_MAX;

  // What the worker's end does with these comes when the events are delivered.
  void send(std::string_view bytes);
  void send_pieces(std::string_view bytes, size_t piece);  // each a read of its own
  void fin();
  void reset(NetError error = NetError::kReset);
  void open();  // answers a dial
  void refuse(NetError error, std::string_view detail = {});
  // Reads on: `bytes` more of what the worker wrote fit into the network.
  void take(size_t bytes);

  [[nodiscard]] bool connected() const { return near != nullptr && !saw_fin && !saw_reset; }
  std::string take_received();

  SimTransport* near = nullptr;        // null behind on_closed
  const Provider* provider = nullptr;  // of a dialled connection
  std::string received;                // what arrived here
  size_t window = kUnbounded;          // what the network still takes before take()
  bool saw_fin = false;
  bool saw_reset = false;
  bool broken = false;  // this end sent a reset
  bool ended = false;   // this end sends nothing more
};

struct SimTransport : Transport {
  SimPeer* far = nullptr;
  std::deque<SimEvent> coming;
  std::string queue;  // written, not yet taken by the network
  bool opened = false;
  bool shutdown_wanted = false;
  bool drain_due = false;
  bool fault_due = false;  // a write met a reset
  Loan* loan = nullptr;    // of the bytes that are written when the round ends
  std::string_view lent;
  std::string lent_was;    // a copy, from when they were lent

  [[nodiscard]] SimNet* sim() const;
};

class SimNet {
 public:
  SimNet();
  ~SimNet();
  SimNet(const SimNet&) = delete;
  SimNet& operator=(const SimNet&) = delete;

  [[nodiscard]] Net* base() { return &base_; }
  // A connection from outside, for worker_on_accept().
  [[nodiscard]] SimTransport* connect();
  // Delivers one event that is due; `choice` picks among all that are. False: there is none.
  bool deliver(uint64_t choice);
  // Several events may be one round, in which memory is lent; none is when nothing is due any more.
  void end_round();
  [[nodiscard]] bool in_round() const { return in_round_; }
  [[nodiscard]] const std::vector<SimPeer*>& dialled() const { return dialled_; }
  [[nodiscard]] const std::vector<SimTransport*>& live() const { return live_; }
  // Forgets peers whose connection is over; for long plays.
  void forget_closed();

  bool auto_open = true;  // a dial succeeds by itself, in a later step
  bool lends = true;      // off in the benchmark, where the check would be counted
  size_t lent = 0;        // writes whose memory has not been read
  size_t loans = 0;       // all there were

 private:
  static Transport* dial(Net* net, const Provider& provider, const TransportEvents* events,
                         void* owner);
  SimTransport* add(bool opened);
  void deliver_to(SimTransport* t, bool prefer_drain);
  void deliver_bytes(SimTransport* t, std::string* bytes);
  void deliver_closed(SimTransport* t);

  Net base_;
  bool in_round_ = false;
  std::vector<std::unique_ptr<SimPeer>> peers_;
  std::vector<SimPeer*> dialled_;
  std::vector<SimTransport*> live_;
  std::vector<SimTransport*> due_;
};

}  // namespace weir
