#include "actors/platform/http_tls.hpp"

#include "actors/platform/resolver.hpp"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <system_error>
#include <utility>

namespace workspace_supervisor {

namespace {

SSL* to_ssl(void* pointer) {
  return static_cast<SSL*>(pointer);
}
SSL_CTX* to_context(void* pointer) {
  return static_cast<SSL_CTX*>(pointer);
}

std::string reason_text() {
  const unsigned long code = ERR_peek_last_error();
  if (ERR_GET_LIB(code) == ERR_LIB_SSL && ERR_GET_REASON(code) == SSL_R_WRONG_VERSION_NUMBER)
    return "the peer does not speak TLS, or none of the versions allowed (wrong version number)";
  const char* reason = ERR_reason_error_string(code);
  return reason != nullptr ? reason : "error " + std::to_string(code);
}

std::string certificate_problem(long verify_result) {
  switch (verify_result) {
  case X509_V_ERR_CERT_HAS_EXPIRED:
    return "the certificate has expired";
  case X509_V_ERR_CERT_NOT_YET_VALID:
    return "the certificate is not valid yet";
  case X509_V_ERR_HOSTNAME_MISMATCH:
  case X509_V_ERR_IP_ADDRESS_MISMATCH:
    return "the certificate is for another host";
  case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
  case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
  case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
  case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
  case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
    return std::string("the certificate's issuer is unknown (") +
           X509_verify_cert_error_string(verify_result) + ")";
  default:
    return std::string("the certificate is not accepted: ") + X509_verify_cert_error_string(verify_result);
  }
}

/// @returns whether the directory is one that OpenSSL can look certificates up in as it needs them.
bool is_hashed_directory(const char* path) {
  std::error_code error;
  std::filesystem::directory_iterator entries(path, error);
  return !error && std::any_of(begin(entries), end(entries), [](const auto& entry) {
    const std::string name = entry.path().filename();
    return name.size() == 10 && name[8] == '.' && name[9] >= '0' && name[9] <= '9';
  });
}

/// The system's store. The whole of it in one file costs milliseconds and megabytes to read: where there is a
/// directory to look certificates up in, that file is left alone.
bool trust_system_store(SSL_CTX* context) {
  const char* directory = std::getenv(X509_get_default_cert_dir_env());
  const char* file = std::getenv(X509_get_default_cert_file_env());
  if (file == nullptr && is_hashed_directory(directory != nullptr ? directory : X509_get_default_cert_dir()))
    return SSL_CTX_set_default_verify_dir(context) == 1;
  return SSL_CTX_set_default_verify_paths(context) == 1;
}

/// Sets what the certificate must be for.
bool expect_host(SSL* ssl, std::string host) {
  if (host.ends_with('.'))
    host.pop_back();
  X509_VERIFY_PARAM* expected = SSL_get0_param(ssl);
  if (is_literal_address(host))
    return X509_VERIFY_PARAM_set1_ip_asc(expected, host.c_str()) == 1;
  X509_VERIFY_PARAM_set_hostflags(expected, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
  return X509_VERIFY_PARAM_set1_host(expected, host.c_str(), host.size()) == 1 &&
         SSL_set_tlsext_host_name(ssl, host.c_str()) == 1;
}

} // namespace

void tls_session_slot::clear() {
  SSL_SESSION_free(static_cast<SSL_SESSION*>(session_));
  session_ = nullptr;
}

tls_channel::tls_channel(void* ssl, std::shared_ptr<tls_session_slot> slot)
    : ssl_(ssl)
    , slot_(std::move(slot)) {}

tls_channel::~tls_channel() {
  if (connected_ && sound_) {
    ERR_clear_error();
    SSL_shutdown(to_ssl(ssl_));
    ERR_clear_error();
  }
  SSL_free(to_ssl(ssl_));
}

io_result tls_channel::outcome(int returned, std::size_t bytes) {
  if (returned > 0)
    return {io_status::done, bytes, {}};
  const int system_error = errno;
  switch (SSL_get_error(to_ssl(ssl_), returned)) {
  case SSL_ERROR_WANT_READ:
    return {io_status::want_read, 0, {}};
  case SSL_ERROR_WANT_WRITE:
    return {io_status::want_write, 0, {}};
  case SSL_ERROR_ZERO_RETURN:
    return {io_status::ended, 0, {}};
  case SSL_ERROR_SYSCALL:
    sound_ = false;
    return {io_status::failed, 0,
            system_error != 0 ? std::generic_category().message(system_error) : "the connection was closed"};
  default:
    sound_ = false;
    const bool truncated = ERR_GET_REASON(ERR_peek_last_error()) == SSL_R_UNEXPECTED_EOF_WHILE_READING;
    io_result result{io_status::failed, 0,
                     truncated ? "the connection was closed without TLS's good-bye"
                               : "TLS: " + reason_text()};
    ERR_clear_error();
    return result;
  }
}

io_result tls_channel::handshake() {
  ERR_clear_error();
  errno = 0;
  io_result result = outcome(SSL_do_handshake(to_ssl(ssl_)), 0);
  connected_ = result.status == io_status::done;
  if (result.status == io_status::failed) {
    const long verified = SSL_get_verify_result(to_ssl(ssl_));
    if (verified != X509_V_OK)
      result.error = certificate_problem(verified);
    slot_->clear();
  }
  return result;
}

io_result tls_channel::read(char* data, std::size_t size) {
  ERR_clear_error();
  errno = 0;
  std::size_t bytes = 0;
  const int returned = SSL_read_ex(to_ssl(ssl_), data, size, &bytes);
  return outcome(returned, bytes);
}

io_result tls_channel::write(const char* data, std::size_t size) {
  ERR_clear_error();
  errno = 0;
  std::size_t bytes = 0;
  const int returned = SSL_write_ex(to_ssl(ssl_), data, size, &bytes);
  return outcome(returned, bytes);
}

bool tls_channel::has_pending() const {
  return SSL_has_pending(to_ssl(ssl_)) == 1;
}

std::unique_ptr<tls_context> tls_context::make(const std::string& ca_file, std::string& error) {
  ERR_clear_error();
  SSL_CTX* context = SSL_CTX_new(TLS_client_method());
  if (context == nullptr) {
    error = "cannot set up TLS: " + reason_text();
    return nullptr;
  }
  std::unique_ptr<tls_context> made(new tls_context(context));
  if (!ca_file.empty() && SSL_CTX_load_verify_file(context, ca_file.c_str()) != 1) {
    error = "cannot read trusted certificates from " + ca_file + ": " + reason_text();
    return nullptr;
  }
  if (ca_file.empty() && !trust_system_store(context)) {
    error = "cannot read the system's trusted certificates: " + reason_text();
    return nullptr;
  }
  SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nullptr);
  SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
  // idle connections give their buffers (32 KiB) back
  SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                                SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
  SSL_CTX_sess_set_new_cb(context, [](SSL* ssl, SSL_SESSION* session) {
    auto* slot = static_cast<tls_session_slot*>(SSL_get_app_data(ssl));
    slot->clear();
    slot->session_ = session;
    return 1; // the session is ours now
  });
  return made;
}

tls_context::~tls_context() {
  SSL_CTX_free(to_context(context_));
}

std::unique_ptr<tls_channel> tls_context::open(int descriptor, const std::string& host,
                                               std::shared_ptr<tls_session_slot> slot, std::string& error) {
  ERR_clear_error();
  SSL* ssl = SSL_new(to_context(context_));
  if (ssl == nullptr) {
    error = "cannot set up TLS: " + reason_text();
    return nullptr;
  }
  std::unique_ptr<tls_channel> channel(new tls_channel(ssl, std::move(slot)));
  if (SSL_set_fd(ssl, descriptor) != 1 || !expect_host(ssl, host)) {
    error = "cannot set up TLS: " + reason_text();
    return nullptr;
  }
  SSL_set_app_data(ssl, channel->slot_.get());
  if (channel->slot_->session_ != nullptr)
    SSL_set_session(ssl, static_cast<SSL_SESSION*>(channel->slot_->session_));
  SSL_set_connect_state(ssl);
  return channel;
}

} // namespace workspace_supervisor
