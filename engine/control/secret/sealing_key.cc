#include "control/secret/sealing_key.h"

#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "control/config_problem.h"
#include "control/data_dir.h"
#include "control/store/sqlite.h"

namespace weir {

namespace {

constexpr std::string_view kSteps[] = {R"sql(
CREATE TABLE sealing_check (only INTEGER PRIMARY KEY CHECK (only = 1), sealed TEXT NOT NULL) STRICT;
)sql"};
constexpr std::string_view kOwner = "sealing_check";
constexpr std::string_view kPlain = "weir";

// The sealed text that the database keeps; empty for one that was not sealed yet.
Sqlited<std::string> check_read(Sqlite* database) {
  auto read = database->prepare("SELECT sealed FROM sealing_check");
  if (!read) return std::unexpected(read.error());
  const auto row = read->step();
  if (!row) return std::unexpected(row.error());
  return *row ? std::string(read->text(0)) : std::string();
}

Sqlited<void> check_write(Sqlite* database, const Sealer& sealer) {
  auto write = database->prepare("INSERT OR REPLACE INTO sealing_check VALUES (1, ?)");
  if (!write) return std::unexpected(write.error());
  const std::string sealed = sealer.seal(kPlain, kOwner);
  return write->bind(1, sealed).run();
}

struct FoundKey {
  Secret text;
  std::string where;  // for error texts
  std::string made;
};

std::expected<FoundKey, std::string> key_find(const SealingKeys& keys, const std::string& data_dir,
                                              bool sealed_before) {
  if (!keys.current.empty()) return FoundKey{keys.current, "sealing_key", ""};
  const std::string file = data_dir + "/sealing.key";
  if (access(file.c_str(), F_OK) == 0) {
    auto found = secret_resolve("file:" + file, "");
    if (!found) return std::unexpected("sealing key: " + found.error());
    return FoundKey{std::move(found->value), message_quote(file), ""};
  }
  if (sealed_before) {
    return std::unexpected("the database is sealed and its key is not here: put it back into " +
                           message_quote(file) + ", or name it by sealing_key");
  }
  std::string made = Sealer::random_key_text();
  if (!secret_file_write(file, made + "\n")) {
    return std::unexpected("sealing key: " + message_quote(file) + ": " + std::strerror(errno));
  }
  return FoundKey{Secret(std::move(made)), message_quote(file), file};
}

std::expected<Sealer, std::string> sealer_make(const SealingKeys& keys, const FoundKey& found) {
  auto sealer = Sealer::from_text(found.text.reveal());
  if (!sealer) return std::unexpected(found.where + ": " + sealer.error());
  if (keys.previous.empty()) return sealer;
  const auto previous = Sealer::from_text(keys.previous.reveal());
  if (!previous) return std::unexpected("previous_sealing_key: " + previous.error());
  sealer->accept_previous(*previous);
  return sealer;
}

}  // namespace

std::expected<OpenedSealer, std::string> sealer_open(const SealingKeys& keys,
                                                     const std::string& data_dir,
                                                     const std::string& database_file) {
  const auto named = [&](const std::string& text) {
    return std::unexpected("database " + message_quote(database_file) + ": " + text);
  };
  auto database = Sqlite::open(database_file);
  if (!database) return named(database.error());
  if (const auto done = schema_migrate(&*database, "sealing", kSteps); !done) {
    return named(done.error());
  }
  const auto check = check_read(&*database);
  if (!check) return named(check.error());
  auto found = key_find(keys, data_dir, !check->empty());
  if (!found) return std::unexpected(found.error());
  auto sealer = sealer_make(keys, *found);
  if (!sealer) return std::unexpected(sealer.error());
  if (!check->empty() && !sealer->open(*check, kOwner)) {
    return named("it was sealed with another key than the one in " + found->where +
                 "; give that key, or name it by previous_sealing_key");
  }
  if (check->empty() || !sealer->is_current(*check)) {
    if (const auto done = check_write(&*database, *sealer); !done) return named(done.error());
  }
  return OpenedSealer{std::make_shared<const Sealer>(std::move(*sealer)), found->made};
}

}  // namespace weir
