#include "tests/support/certificates.hpp"

#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>

#include <cstdio>
#include <memory>
#include <stdexcept>

namespace workspace_supervisor {

namespace {

constexpr long day = 24 * 60 * 60;

using key_pointer = std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)>;
using certificate_pointer = std::unique_ptr<X509, decltype(&X509_free)>;

[[noreturn]] void fail(const std::string& what) {
  char text[256];
  ERR_error_string_n(ERR_get_error(), text, sizeof text);
  throw std::runtime_error(what + ": " + text);
}

struct identity {
  key_pointer key{nullptr, &EVP_PKEY_free};
  certificate_pointer certificate{nullptr, &X509_free};
};

struct certificate_wish {
  std::string name;      ///< of the subject
  std::string alt_names; ///< "DNS:localhost,IP:127.0.0.1"; "": none
  bool authority = false;
  long from = -day; ///< seconds from now
  long until = 30 * day;
};

void add_extension(X509* certificate, X509* issuer, int kind, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, &context, kind, value.c_str());
  if (extension == nullptr || X509_add_ext(certificate, extension, -1) != 1)
    fail("extension " + value);
  X509_EXTENSION_free(extension);
}

/// @param issuer null: signed by itself
identity issue(const certificate_wish& wish, const identity* issuer) {
  identity made;
  made.key.reset(EVP_EC_gen("P-256"));
  made.certificate.reset(X509_new());
  if (!made.key || !made.certificate)
    fail("key");
  X509* certificate = made.certificate.get();
  X509_set_version(certificate, 2);
  unsigned char serial[8];
  if (RAND_bytes(serial, sizeof serial) != 1)
    fail("serial number");
  std::uint64_t number = 0;
  for (auto byte : serial)
    number = number << 8 | byte;
  ASN1_INTEGER_set_uint64(X509_get_serialNumber(certificate), number >> 1);
  X509_gmtime_adj(X509_getm_notBefore(certificate), wish.from);
  X509_gmtime_adj(X509_getm_notAfter(certificate), wish.until);
  X509_set_pubkey(certificate, made.key.get());
  auto* name = X509_get_subject_name(certificate);
  X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8,
                             reinterpret_cast<const unsigned char*>(wish.name.c_str()), -1, -1, 0);
  X509* signer = issuer == nullptr ? certificate : issuer->certificate.get();
  X509_set_issuer_name(certificate, X509_get_subject_name(signer));
  add_extension(certificate, signer, NID_subject_key_identifier, "hash");
  add_extension(certificate, signer, NID_authority_key_identifier, "keyid");
  add_extension(certificate, signer, NID_basic_constraints,
                wish.authority ? "critical,CA:TRUE" : "critical,CA:FALSE");
  if (wish.authority)
    add_extension(certificate, signer, NID_key_usage, "critical,keyCertSign,cRLSign");
  if (!wish.alt_names.empty())
    add_extension(certificate, signer, NID_subject_alt_name, wish.alt_names);
  if (X509_sign(certificate, issuer == nullptr ? made.key.get() : issuer->key.get(), EVP_sha256()) == 0)
    fail("signature");
  return made;
}

std::string write_certificate(const std::string& path, const identity& which) {
  std::unique_ptr<FILE, int (*)(FILE*)> file{std::fopen(path.c_str(), "w"), &std::fclose};
  if (!file || PEM_write_X509(file.get(), which.certificate.get()) != 1)
    fail(path);
  return path;
}

certificate_files write(const std::string& stem, const identity& which) {
  certificate_files files{write_certificate(stem + ".pem", which), stem + ".key"};
  std::unique_ptr<FILE, int (*)(FILE*)> file{std::fopen(files.key.c_str(), "w"), &std::fclose};
  if (!file || PEM_write_PrivateKey(file.get(), which.key.get(), nullptr, nullptr, 0, nullptr, nullptr) != 1)
    fail(files.key);
  return files;
}

} // namespace

test_certificates make_certificates(const std::string& folder) {
  const std::string here = "DNS:localhost,IP:127.0.0.1,IP:::1";
  auto authority = issue({"test authority", "", true}, nullptr);
  auto stranger = issue({"another authority", "", true}, nullptr);
  test_certificates made;
  made.ca_file = write_certificate(folder + "/ca.pem", authority);
  made.good = write(folder + "/good", issue({"localhost", here}, &authority));
  made.expired = write(folder + "/expired", issue({"localhost", here, false, -30 * day, -day}, &authority));
  made.wrong_host =
      write(folder + "/wrong-host", issue({"elsewhere.example", "DNS:elsewhere.example"}, &authority));
  made.self_signed = write(folder + "/self-signed", issue({"localhost", here}, nullptr));
  made.other_ca = write(folder + "/other-ca", issue({"localhost", here}, &stranger));
  return made;
}

} // namespace workspace_supervisor
