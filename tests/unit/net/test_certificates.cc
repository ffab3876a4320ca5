#include "test_certificates.h"

#include <gtest/gtest.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <cstdio>

namespace weir {
namespace {

X509* make_certificate(const std::string& name, EVP_PKEY* key, long starts_s, long ends_s) {
  static long serial = 1000;
  X509* out = X509_new();
  X509_set_version(out, X509_VERSION_3);
  ASN1_INTEGER_set(X509_get_serialNumber(out), ++serial);
  X509_gmtime_adj(X509_getm_notBefore(out), starts_s);
  X509_gmtime_adj(X509_getm_notAfter(out), ends_s);
  X509_set_pubkey(out, key);
  X509_NAME_add_entry_by_txt(X509_get_subject_name(out), "CN", MBSTRING_ASC,
                             reinterpret_cast<const unsigned char*>(name.c_str()), -1, -1, 0);
  return out;
}

void add_extension(X509* certificate, int nid, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, certificate, certificate, nullptr, nullptr, 0);
  X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, &context, nid, value.c_str());
  EXPECT_NE(extension, nullptr) << value;
  X509_add_ext(certificate, extension, -1);
  X509_EXTENSION_free(extension);
}

}  // namespace

TestAuthority::TestAuthority() {
  std::string pattern = (std::filesystem::temp_directory_path() / "weir-tls-XXXXXX").string();
  folder_ = mkdtemp(pattern.data());
  key_ = EVP_EC_gen("P-256");
  certificate_ = make_certificate("test authority", key_, -7200, 7200);
  X509_set_issuer_name(certificate_, X509_get_subject_name(certificate_));
  add_extension(certificate_, NID_basic_constraints, "critical,CA:TRUE");
  EXPECT_GT(X509_sign(certificate_, key_, EVP_sha256()), 0);
}

TestAuthority::~TestAuthority() {
  X509_free(certificate_);
  EVP_PKEY_free(key_);
  std::filesystem::remove_all(folder_);
}

std::string TestAuthority::pem() const {
  BIO* bio = BIO_new(BIO_s_mem());
  PEM_write_bio_X509(bio, certificate_);
  char* text = nullptr;
  const long size = BIO_get_mem_data(bio, &text);
  std::string out(text, static_cast<size_t>(size));
  BIO_free(bio);
  return out;
}

TestAuthority::Files TestAuthority::issue(const CertificateSpec& spec) {
  EVP_PKEY* key = spec.rsa ? EVP_RSA_gen(2048u) : EVP_EC_gen("P-256");
  X509* certificate = make_certificate("server", key, spec.starts_s, spec.ends_s);
  X509_set_issuer_name(certificate, X509_get_subject_name(certificate_));
  add_extension(certificate, NID_subject_alt_name, spec.names);
  EXPECT_GT(X509_sign(certificate, key_, EVP_sha256()), 0);
  const std::string stem = (folder_ / std::to_string(++issued_)).string();
  const Files files = {stem + ".crt", stem + ".key"};
  std::FILE* out = std::fopen(files.certificate.c_str(), "w");
  PEM_write_X509(out, certificate);
  std::fclose(out);
  out = std::fopen(files.key.c_str(), "w");
  PEM_write_PrivateKey(out, key, nullptr, nullptr, 0, nullptr, nullptr);
  std::fclose(out);
  X509_free(certificate);
  EVP_PKEY_free(key);
  return files;
}

}  // namespace weir
