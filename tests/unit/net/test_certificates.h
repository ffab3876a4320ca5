// Certificates for the TLS tests, made anew in each run: an authority and what it signs.
#pragma once

#include <openssl/evp.h>
#include <openssl/x509.h>

#include <cstdlib>
#include <filesystem>
#include <string>

namespace weir {

struct CertificateSpec {
  std::string names = "DNS:good.test,IP:127.0.0.1";
  long starts_s = -3600;  // from now
  long ends_s = 3600;
  bool rsa = false;
};

class TestAuthority {
 public:
  TestAuthority();
  ~TestAuthority();
  TestAuthority(const TestAuthority&) = delete;
  TestAuthority& operator=(const TestAuthority&) = delete;

  [[nodiscard]] std::string pem() const;
  struct Files {
    std::string certificate;
    std::string key;
  };
  // PEM files in a directory that goes away with the authority.
  [[nodiscard]] Files issue(const CertificateSpec& spec = {});

 private:
  std::filesystem::path folder_;
  EVP_PKEY* key_ = nullptr;
  X509* certificate_ = nullptr;
  int issued_ = 0;
};

}  // namespace weir
