#include "control/signin/signing_keys.h"

#include "control/secret/reseal.h"

namespace weir {

namespace {

constexpr std::string_view kSchema[] = {
    "CREATE TABLE signing_keys (kid TEXT PRIMARY KEY, sealed TEXT NOT NULL,"
    " created_unix_s INTEGER NOT NULL) STRICT"};

std::string owner_of(std::string_view kid) { return "signing_key/" + std::string(kid); }

}  // namespace

Sqlited<std::unique_ptr<SigningKeys>> SigningKeys::open(const std::string& database,
                                                        std::shared_ptr<const Sealer> sealer,
                                                        int64_t now_unix_s) {
  auto opened = Sqlite::open(database);
  if (!opened) return std::unexpected(opened.error());
  if (const auto done = schema_migrate(&*opened, "signin", kSchema); !done) {
    return std::unexpected(done.error());
  }
  const auto sealed = rows_reseal(&*opened, *sealer, "SELECT kid, sealed FROM signing_keys",
                                  "UPDATE signing_keys SET sealed = ?2 WHERE kid = ?1", owner_of);
  if (!sealed) return std::unexpected(sealed.error());
  std::unique_ptr<SigningKeys> keys(new SigningKeys(std::move(*opened), std::move(sealer)));
  if (const auto done = keys->load(); !done) return std::unexpected(done.error());
  if (keys->keys_.empty()) {
    if (const auto done = keys->add(now_unix_s); !done) return std::unexpected(done.error());
  }
  keys->take_over();
  return keys;
}

Sqlited<void> SigningKeys::load() {
  auto rows = database_.prepare(
      "SELECT kid, sealed, created_unix_s FROM signing_keys ORDER BY created_unix_s, rowid");
  if (!rows) return std::unexpected(rows.error());
  for (;;) {
    const auto more = rows->step();
    if (!more) return std::unexpected(more.error());
    if (!*more) break;
    const std::string kid(rows->text(0));
    const auto opened = sealer_->open(rows->text(1), owner_of(kid));
    if (!opened) return std::unexpected("signing key " + kid + ": " + opened.error());
    auto key = SigningKey::load(opened->reveal());
    if (!key || key->kid() != kid) return std::unexpected("signing key " + kid + ": is no key");
    keys_.push_back({std::move(*key), rows->integer(2), 0});
  }
  for (size_t i = 0; i + 1 < keys_.size(); ++i) {
    keys_[i].replaced_unix_s = keys_[i + 1].created_unix_s;
  }
  return {};
}

Sqlited<void> SigningKeys::add(int64_t now_unix_s) {
  SigningKey key = SigningKey::generate();
  const std::string sealed = sealer_->seal(key.save(), owner_of(key.kid()));
  auto insert = database_.prepare(
      "INSERT INTO signing_keys (kid, sealed, created_unix_s) VALUES (?, ?, ?)");
  if (!insert) return std::unexpected(insert.error());
  insert->bind(1, key.kid()).bind(2, sealed).bind(3, now_unix_s);
  if (const auto done = insert->run(); !done) return std::unexpected(done.error());
  if (!keys_.empty()) keys_.back().replaced_unix_s = now_unix_s;
  keys_.push_back({std::move(key), now_unix_s, 0});
  return {};
}

Sqlited<void> SigningKeys::drop_before(int64_t replaced_unix_s) {
  auto remove = database_.prepare("DELETE FROM signing_keys WHERE kid = ?");
  if (!remove) return std::unexpected(remove.error());
  // The one that signs is never dropped: one that waits comes behind it.
  while (signing_ > 0 && keys_.front().replaced_unix_s <= replaced_unix_s) {
    remove->bind(1, keys_.front().key.kid());
    if (const auto done = remove->run(); !done) return std::unexpected(done.error());
    keys_.erase(keys_.begin());
    --signing_;
  }
  return {};
}

Sqlited<bool> SigningKeys::rotate(const SigningLife& life, int64_t now_unix_s) {
  // Room for clocks that differ, and for the time until the next key signs.
  constexpr int64_t kMarginS = 600;
  const size_t before = keys_.size();
  const std::string newest = keys_.back().key.kid();
  const auto dropped = drop_before(now_unix_s - life.token_s - kMarginS);
  if (!dropped) return std::unexpected(dropped.error());
  if (!waiting() && keys_.back().created_unix_s + life.rotation_s <= now_unix_s) {
    if (const auto added = add(now_unix_s); !added) return std::unexpected(added.error());
  }
  return keys_.size() != before || keys_.back().key.kid() != newest;
}

std::vector<JwtKey> SigningKeys::verify_keys() const {
  std::vector<JwtKey> out;
  for (const Kept& kept : keys_) {
    out.push_back({kept.key.kid(), std::make_shared<const PublicKey>(kept.key.public_key())});
  }
  return out;
}

}  // namespace weir
