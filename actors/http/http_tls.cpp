#include "actors/http/http_tls.hpp"

#include "actors/http/resolver.hpp"

#include <boost/asio/ssl/host_name_verification.hpp>
#include <openssl/err.h>
#include <openssl/x509_vfy.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <system_error>

namespace workspace_supervisor {

namespace {

namespace ssl = boost::asio::ssl;

/// Where a connection finds the slot of its session; Asio has taken OpenSSL's usual place for such things.
int slot_place() {
  static const int place = SSL_get_ex_new_index(0, nullptr, nullptr, nullptr, nullptr);
  return place;
}

int keep_new_session(SSL* connection, SSL_SESSION* session) {
  auto* slot = static_cast<tls_session_slot*>(SSL_get_ex_data(connection, slot_place()));
  if (slot == nullptr)
    return 0;
  slot->keep(session);
  return 1;
}

std::string last_problem() {
  const char* reason = ERR_reason_error_string(ERR_peek_last_error());
  return reason != nullptr ? reason : "error " + std::to_string(ERR_peek_last_error());
}

std::string certificate_problem(long verify_result) {
  switch (verify_result) {
  case X509_V_ERR_CERT_HAS_EXPIRED:
    return "the certificate has expired";
  case X509_V_ERR_CERT_NOT_YET_VALID:
    return "the certificate is not valid yet";
  case X509_V_ERR_UNSPECIFIED: // what the verification of the host's name leaves behind
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

} // namespace

void tls_session_slot::use_for(tls_stream& stream) {
  SSL_set_ex_data(stream.native_handle(), slot_place(), this);
  if (session_ != nullptr)
    SSL_set_session(stream.native_handle(), session_);
}

void tls_session_slot::keep(SSL_SESSION* session) {
  clear();
  session_ = session;
}

void tls_session_slot::clear() {
  SSL_SESSION_free(session_);
  session_ = nullptr;
}

std::unique_ptr<ssl::context> make_tls_context(const std::string& ca_file, std::string& error) {
  auto context = std::make_unique<ssl::context>(ssl::context::tls_client);
  SSL_CTX* native = context->native_handle();
  ERR_clear_error();
  if (!ca_file.empty() && SSL_CTX_load_verify_file(native, ca_file.c_str()) != 1) {
    error = "cannot read trusted certificates from " + ca_file + ": " + last_problem();
    return nullptr;
  }
  if (ca_file.empty() && !trust_system_store(native)) {
    error = "cannot read the system's trusted certificates: " + last_problem();
    return nullptr;
  }
  context->set_options(ssl::context::no_sslv3 | ssl::context::no_tlsv1 | ssl::context::no_tlsv1_1 |
                       ssl::context::no_compression | SSL_OP_NO_RENEGOTIATION);
  context->set_verify_mode(ssl::verify_peer);
  SSL_CTX_set_session_cache_mode(native, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
  SSL_CTX_sess_set_new_cb(native, keep_new_session);
  return context;
}

std::unique_ptr<tls_stream> make_tls_stream(ssl::context& context, tcp_socket& socket, std::string host,
                                            std::string& error) {
  if (host.ends_with('.'))
    host.pop_back();
  auto stream = std::make_unique<tls_stream>(socket, context);
  stream->set_verify_callback(ssl::host_name_verification(host));
  ERR_clear_error();
  if (!is_literal_address(host) && SSL_set_tlsext_host_name(stream->native_handle(), host.c_str()) != 1) {
    error = "cannot set up TLS: " + last_problem();
    return nullptr;
  }
  return stream;
}

bool has_more(tls_stream& stream) {
  return SSL_pending(stream.native_handle()) > 0;
}

std::string handshake_problem(tls_stream& stream, const boost::system::error_code& error) {
  if (const long verified = SSL_get_verify_result(stream.native_handle()); verified != X509_V_OK)
    return certificate_problem(verified);
  if (error == boost::asio::error::eof || error == ssl::error::stream_truncated)
    return "the connection was closed";
  if (ERR_GET_LIB(static_cast<unsigned long>(error.value())) == ERR_LIB_SSL &&
      ERR_GET_REASON(static_cast<unsigned long>(error.value())) == SSL_R_WRONG_VERSION_NUMBER)
    return "the peer does not speak TLS, or none of the versions allowed (wrong version number)";
  return error.message();
}

} // namespace workspace_supervisor
