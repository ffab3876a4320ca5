#include "control/secret/sealer.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>

#include <algorithm>

#include "base/check.h"
#include "control/digest.h"

namespace weir {

namespace {

constexpr std::string_view kFormat = "weir1.";
constexpr size_t kNonceBytes = 12, kTagBytes = 16, kIdDigits = 16;
constexpr size_t kHeadBytes = kFormat.size() + kIdDigits + 1;
constexpr size_t kMaxPlain = 1 << 20;

const uint8_t* bytes_of(std::string_view text) {
  return reinterpret_cast<const uint8_t*>(text.data());
}
uint8_t* bytes_of(std::string& text) { return reinterpret_cast<uint8_t*>(text.data()); }

std::string base64_text(std::string_view bytes) {
  std::string out((bytes.size() + 2) / 3 * 4 + 1, '\0');
  const int length =
      EVP_EncodeBlock(bytes_of(out), bytes_of(bytes), static_cast<int>(bytes.size()));
  out.resize(static_cast<size_t>(length));
  return out;
}

// Empty for what is not exactly the base64 of some bytes: OpenSSL would skip white space and ignore
// spare bits, so that one value would have many spellings.
std::string base64_bytes(std::string_view text) {
  if (text.empty() || text.size() % 4 != 0) return {};
  std::string out(text.size() / 4 * 3, '\0');
  const int length =
      EVP_DecodeBlock(bytes_of(out), bytes_of(text), static_cast<int>(text.size()));
  if (length < 0) return {};
  const size_t padding = text.ends_with("==") ? 2 : text.ends_with('=') ? 1 : 0;
  out.resize(static_cast<size_t>(length) - padding);
  if (base64_text(out) != text) out.clear();
  return out;
}

struct CipherFree {
  void operator()(EVP_CIPHER_CTX* context) const { EVP_CIPHER_CTX_free(context); }
};
using Cipher = std::unique_ptr<EVP_CIPHER_CTX, CipherFree>;

// The head of the sealed text is authenticated too.
Cipher cipher_begin(bool seal, const uint8_t* key, const uint8_t* nonce, std::string_view head,
                    std::string_view owner) {
  Cipher cipher(EVP_CIPHER_CTX_new());
  WEIR_CHECK(cipher != nullptr);
  WEIR_CHECK(EVP_CipherInit_ex(cipher.get(), EVP_aes_256_gcm(), nullptr, key, nonce,
                               seal ? 1 : 0) == 1);
  int unused = 0;
  for (const std::string_view part : {head, owner}) {
    WEIR_CHECK(EVP_CipherUpdate(cipher.get(), nullptr, &unused, bytes_of(part),
                                static_cast<int>(part.size())) == 1);
  }
  return cipher;
}

bool is_hex(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'f');
  });
}

}  // namespace

Sealer::~Sealer() {
  for (const Key& key : keys_) {
    if (key.bytes != nullptr) OPENSSL_cleanse(key.bytes->data(), kKeyBytes);
  }
}

void Sealer::add(const uint8_t* bytes) {
  Key key;
  key.bytes = std::make_unique<std::array<uint8_t, kKeyBytes>>();
  std::copy_n(bytes, kKeyBytes, key.bytes->begin());
  std::string input = "weir sealing key id:";
  input.append(reinterpret_cast<const char*>(bytes), kKeyBytes);
  const KeyDigest digest = sha256_digest(input);
  OPENSSL_cleanse(input.data(), input.size());
  key.id = hex_of({reinterpret_cast<const char*>(digest.data()), kIdDigits / 2});
  keys_.push_back(std::move(key));
}

Sealer Sealer::random() {
  std::array<uint8_t, kKeyBytes> bytes{};
  WEIR_CHECK(RAND_bytes(bytes.data(), kKeyBytes) == 1);
  Sealer sealer;
  sealer.add(bytes.data());
  OPENSSL_cleanse(bytes.data(), kKeyBytes);
  return sealer;
}

std::string Sealer::random_key_text() { return random_hex(kKeyBytes); }

std::expected<Sealer, std::string> Sealer::from_text(std::string_view key) {
  Sealer sealer;
  if (key.size() == 2 * kKeyBytes && is_hex(key)) {
    KeyDigest bytes = digest_from_hex(key);
    static_assert(sizeof bytes == kKeyBytes);
    sealer.add(bytes.data());
    OPENSSL_cleanse(bytes.data(), kKeyBytes);
    return sealer;
  }
  std::string bytes = base64_bytes(key);
  const bool whole = bytes.size() == kKeyBytes;
  if (whole) sealer.add(bytes_of(bytes));
  OPENSSL_cleanse(bytes.data(), bytes.size());
  if (whole) return sealer;
  return std::unexpected(
      "needs to be 64 hexadecimal digits, or 32 bytes in base64; `openssl rand -hex 32` makes one");
}

void Sealer::accept_previous(const Sealer& old) {
  for (const Key& key : old.keys_) {
    if (key.id != key_id()) add(key.bytes->data());
  }
}

std::string Sealer::seal(std::string_view plain, std::string_view owner) const {
  WEIR_CHECK(plain.size() <= kMaxPlain);
  const std::string head = std::string(kFormat) + key_id() + ".";
  std::string box(kNonceBytes + plain.size() + kTagBytes, '\0');
  uint8_t* const nonce = bytes_of(box);
  WEIR_CHECK(RAND_bytes(nonce, kNonceBytes) == 1);
  const Cipher cipher = cipher_begin(true, keys_.front().bytes->data(), nonce, head, owner);
  int length = 0, rest = 0;
  uint8_t* const out = nonce + kNonceBytes;
  WEIR_CHECK(EVP_CipherUpdate(cipher.get(), out, &length, bytes_of(plain),
                              static_cast<int>(plain.size())) == 1);
  WEIR_CHECK(EVP_CipherFinal_ex(cipher.get(), out + length, &rest) == 1);
  WEIR_CHECK(static_cast<size_t>(length + rest) == plain.size());
  WEIR_CHECK(EVP_CIPHER_CTX_ctrl(cipher.get(), EVP_CTRL_GCM_GET_TAG, kTagBytes,
                                 out + plain.size()) == 1);
  return head + base64_text(box);
}

std::expected<Secret, std::string> Sealer::open(std::string_view sealed,
                                                std::string_view owner) const {
  if (sealed.size() < kHeadBytes || !sealed.starts_with(kFormat) ||
      sealed[kHeadBytes - 1] != '.') {
    return std::unexpected("not a sealed value of a version that this weir knows");
  }
  const std::string_view head = sealed.substr(0, kHeadBytes);
  const std::string_view id = head.substr(kFormat.size(), kIdDigits);
  const auto key = std::find_if(keys_.begin(), keys_.end(),
                                [id](const Key& known) { return known.id == id; });
  if (key == keys_.end()) return std::unexpected("sealed with another key");
  std::string box = base64_bytes(sealed.substr(kHeadBytes));
  if (box.size() < kNonceBytes + kTagBytes) return std::unexpected("the sealed value is damaged");
  const size_t length = box.size() - kNonceBytes - kTagBytes;
  const Cipher cipher = cipher_begin(false, key->bytes->data(), bytes_of(box), head, owner);
  std::string plain(length, '\0');
  int written = 0, rest = 0;
  const bool good =
      EVP_CIPHER_CTX_ctrl(cipher.get(), EVP_CTRL_GCM_SET_TAG, kTagBytes,
                          bytes_of(box) + kNonceBytes + length) == 1 &&
      EVP_CipherUpdate(cipher.get(), bytes_of(plain), &written, bytes_of(box) + kNonceBytes,
                       static_cast<int>(length)) == 1 &&
      EVP_CipherFinal_ex(cipher.get(), bytes_of(plain) + written, &rest) == 1;
  if (good) return Secret(std::move(plain));
  OPENSSL_cleanse(plain.data(), plain.size());
  return std::unexpected("the sealed value was changed, or belongs somewhere else");
}

bool Sealer::is_current(std::string_view sealed) const {
  return sealed.starts_with(kFormat) && sealed.substr(kFormat.size()).starts_with(key_id());
}

}  // namespace weir
