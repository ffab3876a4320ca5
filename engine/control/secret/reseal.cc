#include "control/secret/reseal.h"

#include <utility>
#include <vector>

namespace weir {

Sqlited<void> rows_reseal(Sqlite* database, const Sealer& sealer, std::string_view select,
                          std::string_view update, std::string (*owner)(std::string_view id)) {
  std::vector<std::pair<std::string, std::string>> old;
  auto read = database->prepare(select);
  if (!read) return std::unexpected(read.error());
  for (;;) {
    const auto row = read->step();
    if (!row) return std::unexpected(row.error());
    if (!*row) break;
    if (!sealer.is_current(read->text(1))) old.emplace_back(read->text(0), read->text(1));
  }
  if (old.empty()) return {};
  auto write = database->prepare(update);
  if (!write) return std::unexpected(write.error());
  SqliteTransaction change(database);
  if (const auto begun = change.begin(); !begun) return begun;
  for (const auto& [id, sealed] : old) {
    const auto plain = sealer.open(sealed, owner(id));
    if (!plain) return std::unexpected(plain.error());
    const std::string again = sealer.seal(plain->reveal(), owner(id));
    if (const auto done = write->bind(1, id).bind(2, again).run(); !done) return done;
  }
  return change.commit();
}

}  // namespace weir
