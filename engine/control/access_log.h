// The access log: one JSON line per finished request, to stdout, stderr, a file, or nowhere.
//
// Lines are collected while the rings are drained and written with one write() by flush(), which
// never waits: pipes and terminals are opened again without blocking. What cannot be written
// within kMaxPending bytes is dropped by whole lines and counted; a broken pipe or a full disk is
// no error.
// Control thread only.
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>

#include "control/record_names.h"
#include "control/registry.h"
#include "link/ledger_record.h"

namespace weir {

class AccessLog {
 public:
  static constexpr size_t kMaxPending = 4 << 20;
  static constexpr size_t kWriteBytes = 64 * 1024;  // written at once from here on, if possible

  AccessLog() = default;
  ~AccessLog();
  AccessLog(const AccessLog&) = delete;
  AccessLog& operator=(const AccessLog&) = delete;

  // "stdout", "stderr", "off" or "file:PATH". On an error the old destination stays.
  std::expected<void, std::string> open(const std::string& destination);
  // Opens a file again after it was moved away.
  std::expected<void, std::string> reopen();
  // `names` are those of the record.
  void append(const LedgerRecord& record, const RecordNames::Names& names,
              const Registry& registry);
  void flush();
  [[nodiscard]] uint64_t dropped() const { return dropped_; }
  [[nodiscard]] const std::string& destination() const { return destination_; }

 private:
  void drop_lines();

  std::string destination_ = "off";
  int fd_ = -1;
  std::string pending_;
  bool stuck_ = false;        // what was last written did not all go; flush() tries again
  bool inside_line_ = false;  // the first line of pending_ is already written in part
  uint64_t dropped_ = 0;
};

// Writes the line without its end, for any record: every foreign byte is escaped. Returns one past
// what was written, where the end has room too. Needs access_line_room() bytes at `to`.
char* access_line(char* to, const LedgerRecord& record, const RecordNames::Names& names,
                  const Registry& registry);
[[nodiscard]] size_t access_line_room(const LedgerRecord& record, const RecordNames::Names& names,
                                      const Registry& registry);
// The same, all at once.
[[nodiscard]] std::string access_line(const LedgerRecord& record, const Registry& registry);

}  // namespace weir
