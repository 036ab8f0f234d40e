#include "actors/http/http_engine.hpp"
#include "tests/actors/http/http_test_peer.hpp"

#include <gtest/gtest.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <cstdio>
#include <filesystem>
#include <memory>
#include <stdexcept>
#include <unistd.h>

namespace workspace_supervisor {
namespace {

using namespace testing;
using std::chrono::milliseconds;

template <class T, void (*Free)(T*)>
struct freer {
  void operator()(T* pointer) const { Free(pointer); }
};
using key_ptr = std::unique_ptr<EVP_PKEY, freer<EVP_PKEY, EVP_PKEY_free>>;
using certificate_ptr = std::unique_ptr<X509, freer<X509, X509_free>>;
using context_ptr = std::unique_ptr<SSL_CTX, freer<SSL_CTX, SSL_CTX_free>>;

struct identity {
  key_ptr key;
  certificate_ptr certificate;
};

void add_extension(X509* certificate, X509* issuer, int kind, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, &context, kind, value.c_str());
  if (extension == nullptr)
    throw std::runtime_error("no extension " + value);
  X509_add_ext(certificate, extension, -1);
  X509_EXTENSION_free(extension);
}

/// A certificate for `names` ("DNS:a,IP:b"), signed by `issuer` or, without one, a root. It begins and ends
/// so many seconds from now.
identity make_identity(const identity* issuer, const std::string& names, long ends_in = 3600,
                       long begins_in = -7200) {
  static long serial = 0;
  identity made{key_ptr(EVP_EC_gen("P-256")), certificate_ptr(X509_new())};
  X509* certificate = made.certificate.get();
  X509_set_version(certificate, 2);
  ASN1_INTEGER_set(X509_get_serialNumber(certificate), ++serial);
  X509_gmtime_adj(X509_getm_notBefore(certificate), begins_in);
  X509_gmtime_adj(X509_getm_notAfter(certificate), ends_in);
  const std::string name = issuer != nullptr ? "server" : "root " + std::to_string(serial);
  X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate), "CN", MBSTRING_ASC,
                             reinterpret_cast<const unsigned char*>(name.c_str()), -1, -1, 0);
  X509* signer = issuer != nullptr ? issuer->certificate.get() : certificate;
  X509_set_issuer_name(certificate, X509_get_subject_name(signer));
  X509_set_pubkey(certificate, made.key.get());
  if (issuer == nullptr)
    add_extension(certificate, certificate, NID_basic_constraints, "critical,CA:TRUE");
  else
    add_extension(certificate, signer, NID_subject_alt_name, names);
  X509_sign(certificate, issuer != nullptr ? issuer->key.get() : made.key.get(), EVP_sha256());
  return made;
}

/// The peer's side of a TLS connection.
class tls_peer_connection final : public peer_connection {
public:
  tls_peer_connection(int socket, SSL* ssl)
      : peer_connection(socket)
      , ssl_(ssl) {}
  ~tls_peer_connection() override {
    if (says_goodbye)
      SSL_shutdown(ssl_);
    SSL_free(ssl_);
  }

  bool resumed() const { return SSL_session_reused(ssl_) == 1; }
  std::string server_name() const {
    const char* name = SSL_get_servername(ssl_, TLSEXT_NAMETYPE_host_name);
    return name != nullptr ? name : "";
  }

  bool says_goodbye = true;

protected:
  long read_some(char* data, std::size_t size) override {
    return SSL_read(ssl_, data, static_cast<int>(size));
  }
  bool write_all(const std::string& text) override {
    return SSL_write(ssl_, text.data(), static_cast<int>(text.size())) > 0;
  }

private:
  SSL* ssl_;
};

/// A root that the engine trusts, and a server's side of TLS.
class tls_world {
public:
  explicit tls_world(const std::string& names = "DNS:platform.example,IP:127.0.0.1", long ends_in = 3600,
                     bool trusted = true, long begins_in = -7200)
      : root_(make_identity(nullptr, {}))
      , other_root_(make_identity(nullptr, {}))
      , server_(make_identity(trusted ? &root_ : &other_root_, names, ends_in, begins_in))
      , context_(SSL_CTX_new(TLS_server_method())) {
    SSL_CTX_use_certificate(context_.get(), server_.certificate.get());
    SSL_CTX_use_PrivateKey(context_.get(), server_.key.get());
    char path[] = "/tmp/http_engine_tls_test_XXXXXX";
    const int descriptor = ::mkstemp(path);
    ca_file_ = path;
    FILE* file = ::fdopen(descriptor, "w");
    PEM_write_X509(file, root_.certificate.get());
    std::fclose(file);
  }
  tls_world(const tls_world&) = delete;
  tls_world& operator=(const tls_world&) = delete;
  ~tls_world() { std::filesystem::remove(ca_file_); }

  test_peer::wrapper wrapper() {
    return [this](int socket) -> std::unique_ptr<peer_connection> {
      SSL* ssl = SSL_new(context_.get());
      SSL_set_fd(ssl, socket);
      if (SSL_accept(ssl) != 1) {
        SSL_free(ssl);
        return nullptr;
      }
      return std::make_unique<tls_peer_connection>(socket, ssl);
    };
  }

  /// Every name leads to 127.0.0.1.
  http_engine_options options() const {
    http_engine_options options;
    options.ca_file = ca_file_;
    options.look_up = [](const std::string&) {
      return resolved_host{{"127.0.0.1"}, {}};
    };
    return options;
  }

  SSL_CTX* context() { return context_.get(); }

  /// The name under which OpenSSL looks for our root in a directory.
  std::string root_file_name() const {
    char name[16];
    std::snprintf(name, sizeof name, "%08lx.0", X509_subject_name_hash(root_.certificate.get()));
    return name;
  }
  const std::string& ca_file() const { return ca_file_; }

private:
  identity root_;
  identity other_root_;
  identity server_;
  context_ptr context_;
  std::string ca_file_;
};

platform_url secure(platform_url url, const std::string& host) {
  url.tls = true;
  url.host = host;
  return url;
}

http_response ask_once(tls_world& world, const std::string& host) {
  test_peer peer(answer_always(json_answer("{}")), world.wrapper());
  test_engine engine(world.options());
  return ask(engine, get(secure(peer.url(), host)));
}

TEST(http_engine_tls, speaks_to_a_server_with_a_good_certificate) {
  tls_world world;
  std::promise<std::string> name;
  test_peer peer(
      [&](peer_connection& connection, int) {
        name.set_value(dynamic_cast<tls_peer_connection&>(connection).server_name());
        while (!connection.read_request().empty())
          connection.write(json_answer("[1]"));
      },
      world.wrapper());
  test_engine engine(world.options());
  for (int i = 0; i < 3; ++i) {
    const http_response response = ask(engine, get(secure(peer.url(), "platform.example")));
    EXPECT_EQ(response.outcome, http_outcome::answered) << response.error;
    EXPECT_EQ(response.body, "[1]");
  }
  EXPECT_EQ(peer.connections(), 1);
  EXPECT_EQ(name.get_future().get(), "platform.example");
}

TEST(http_engine_tls, verifies_an_address_as_an_address) {
  tls_world world;
  EXPECT_EQ(ask_once(world, "127.0.0.1").outcome, http_outcome::answered);
  tls_world named("DNS:127.0.0.1");
  const http_response response = ask_once(named, "127.0.0.1");
  EXPECT_EQ(response.outcome, http_outcome::tls_failed);
  EXPECT_NE(response.error.find("for another host"), std::string::npos) << response.error;
}

TEST(http_engine_tls, a_host_that_ends_with_a_dot_is_verified_without) {
  tls_world world;
  const http_response response = ask_once(world, "platform.example.");
  EXPECT_EQ(response.outcome, http_outcome::answered) << response.error;
}

TEST(http_engine_tls, refuses_another_hosts_certificate) {
  tls_world world("DNS:elsewhere.example");
  const http_response response = ask_once(world, "platform.example");
  EXPECT_EQ(response.outcome, http_outcome::tls_failed);
  EXPECT_NE(response.error.find("for another host"), std::string::npos) << response.error;
}

TEST(http_engine_tls, refuses_an_expired_certificate) {
  tls_world world("DNS:platform.example", -3600);
  const http_response response = ask_once(world, "platform.example");
  EXPECT_EQ(response.outcome, http_outcome::tls_failed);
  EXPECT_NE(response.error.find("expired"), std::string::npos) << response.error;
}

TEST(http_engine_tls, refuses_a_certificate_that_is_not_valid_yet) {
  tls_world world("DNS:platform.example", 7200, true, 3600);
  const http_response response = ask_once(world, "platform.example");
  EXPECT_EQ(response.outcome, http_outcome::tls_failed);
  EXPECT_NE(response.error.find("not valid yet"), std::string::npos) << response.error;
}

TEST(http_engine_tls, refuses_an_unknown_issuer) {
  tls_world world("DNS:platform.example", 3600, false);
  const http_response response = ask_once(world, "platform.example");
  EXPECT_EQ(response.outcome, http_outcome::tls_failed);
  EXPECT_NE(response.error.find("issuer is unknown"), std::string::npos) << response.error;
}

TEST(http_engine_tls, refuses_tls_1_1) {
  tls_world world;
  SSL_CTX_set_security_level(world.context(), 0);
  SSL_CTX_set_max_proto_version(world.context(), TLS1_1_VERSION);
  EXPECT_EQ(ask_once(world, "platform.example").outcome, http_outcome::tls_failed);
}

TEST(http_engine_tls, speaks_tls_1_2) {
  tls_world world;
  SSL_CTX_set_max_proto_version(world.context(), TLS1_2_VERSION);
  const http_response response = ask_once(world, "platform.example");
  EXPECT_EQ(response.outcome, http_outcome::answered) << response.error;
}

TEST(http_engine_tls, names_a_peer_that_does_not_speak_tls) {
  test_peer peer([](peer_connection& connection, int) {
    connection.write("HTTP/1.1 400 Bad Request\r\n\r\n");
    connection.wait_for_end();
  });
  tls_world world;
  test_engine engine(world.options());
  const http_response response = ask(engine, get(secure(peer.url(), "platform.example")));
  EXPECT_EQ(response.outcome, http_outcome::tls_failed);
  EXPECT_NE(response.error.find("does not speak TLS"), std::string::npos) << response.error;
}

TEST(http_engine_tls, a_handshake_that_hangs_ends_in_time) {
  test_peer peer([](peer_connection& connection, int) { connection.wait_for_end(); });
  tls_world world;
  http_engine_options options = world.options();
  options.connect_timeout = milliseconds(5000); // on a busy machine connecting itself takes a part of it
  test_engine engine(options);
  const http_response response = ask(engine, get(secure(peer.url(), "platform.example")));
  EXPECT_EQ(response.outcome, http_outcome::tls_failed) << response.error;
}

TEST(http_engine_tls, names_a_file_of_certificates_that_is_missing) {
  tls_world world;
  test_peer peer(answer_always(json_answer("{}")), world.wrapper());
  http_engine_options options = world.options();
  options.ca_file = "/nonexistent/ca.pem";
  test_engine engine(options);
  const http_response response = ask(engine, get(secure(peer.url(), "platform.example")));
  EXPECT_EQ(response.outcome, http_outcome::tls_failed);
  EXPECT_NE(response.error.find("/nonexistent/ca.pem"), std::string::npos) << response.error;
}

TEST(http_engine_tls, the_systems_store_does_not_know_our_root) {
  tls_world world;
  test_peer peer(answer_always(json_answer("{}")), world.wrapper());
  http_engine_options options = world.options();
  options.ca_file.clear();
  test_engine engine(options);
  const http_response response = ask(engine, get(secure(peer.url(), "platform.example")));
  EXPECT_EQ(response.outcome, http_outcome::tls_failed);
  EXPECT_NE(response.error.find("issuer is unknown"), std::string::npos) << response.error;
}

TEST(http_engine_tls, finds_a_root_in_the_systems_directory) {
  tls_world world;
  char folder[] = "/tmp/http_engine_tls_test_XXXXXX";
  ASSERT_NE(::mkdtemp(folder), nullptr);
  std::filesystem::copy_file(world.ca_file(), std::string(folder) + '/' + world.root_file_name());
  ::setenv("SSL_CERT_DIR", folder, 1);
  ::unsetenv("SSL_CERT_FILE"); // this process runs one test
  test_peer peer(answer_always(json_answer("{}")), world.wrapper());
  http_engine_options options = world.options();
  options.ca_file.clear();
  test_engine engine(options);
  const http_response response = ask(engine, get(secure(peer.url(), "platform.example")));
  EXPECT_EQ(response.outcome, http_outcome::answered) << response.error;
  std::filesystem::remove_all(folder);
}

http_response ask_until_end(bool says_goodbye) {
  tls_world world;
  test_peer peer(
      [&](peer_connection& connection, int) {
        dynamic_cast<tls_peer_connection&>(connection).says_goodbye = says_goodbye;
        connection.read_request();
        connection.write("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n[1]");
      },
      world.wrapper());
  test_engine engine(world.options());
  return ask(engine, get(secure(peer.url(), "platform.example")));
}

TEST(http_engine_tls, the_good_bye_ends_a_body_without_length) {
  const http_response response = ask_until_end(true);
  EXPECT_EQ(response.outcome, http_outcome::answered) << response.error;
  EXPECT_EQ(response.body, "[1]");
}

TEST(http_engine_tls, a_body_without_length_that_is_cut_off_is_none) {
  EXPECT_EQ(ask_until_end(false).outcome, http_outcome::closed);
}

TEST(http_engine_tls, large_bodies_go_both_ways) {
  const std::string body = "[\"" + std::string(std::size_t{4} << 20, 'x') + "\"]";
  std::promise<std::size_t> seen;
  tls_world world;
  test_peer peer(
      [&](peer_connection& connection, int) {
        seen.set_value(connection.read_request().size());
        connection.write(json_answer(body));
        connection.wait_for_end();
      },
      world.wrapper());
  test_engine engine(world.options());
  http_request request = post(secure(peer.url(), "platform.example"), body);
  request.max_body = std::size_t{16} << 20;
  const http_response response = ask(engine, request);
  EXPECT_EQ(response.outcome, http_outcome::answered) << response.error;
  EXPECT_TRUE(response.body == body);
  EXPECT_GT(seen.get_future().get(), body.size());
}

TEST(http_engine_tls, an_answer_that_comes_before_the_request_was_read_counts) {
  tls_world world;
  test_peer peer(
      [](peer_connection& connection, int) {
        connection.write("HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
        connection.read_request();
      },
      world.wrapper());
  test_engine engine(world.options());
  const http_response response =
      ask(engine, post(secure(peer.url(), "platform.example"), std::string(std::size_t{16} << 20, 'x')));
  EXPECT_EQ(response.status, 413) << response.error;
}

TEST(http_engine_tls, an_unanswered_request_was_acknowledged) {
  tls_world world;
  test_peer peer(
      [](peer_connection& connection, int) {
        connection.read_request();
        connection.write(json_answer("{}"));
        connection.wait_for_end();
      },
      world.wrapper());
  test_engine engine(world.options());
  // a connection made before, so that the time is not spent on the handshake
  http_request request = post(secure(peer.url(), "platform.example"));
  EXPECT_EQ(ask(engine, request).outcome, http_outcome::answered);
  request.timeout = milliseconds(3000);
  EXPECT_EQ(ask(engine, request).outcome, http_outcome::timed_out_acknowledged);
  EXPECT_EQ(peer.connections(), 1);
}

TEST(http_engine_tls, repeats_what_met_a_connection_closed_meanwhile) {
  tls_world world;
  test_peer peer(
      [](peer_connection& connection, int) {
        connection.read_request();
        connection.write(json_answer("{}"));
        connection.read_request();
      },
      world.wrapper());
  test_engine engine(world.options());
  const platform_url url = secure(peer.url(), "platform.example");
  EXPECT_EQ(ask(engine, get(url)).outcome, http_outcome::answered);
  EXPECT_EQ(ask(engine, get(url)).outcome, http_outcome::answered);
  EXPECT_EQ(peer.connections(), 2);
}

TEST(http_engine_tls, resumes_its_session_on_the_next_connection) {
  tls_world world;
  SSL_CTX_set_session_id_context(world.context(), reinterpret_cast<const unsigned char*>("t"), 1);
  std::vector<bool> resumed;
  test_peer peer(
      [&](peer_connection& connection, int) {
        resumed.push_back(dynamic_cast<tls_peer_connection&>(connection).resumed());
        connection.read_request();
        connection.write(json_answer("{}", "Connection: close\r\n"));
        connection.wait_for_end();
      },
      world.wrapper());
  {
    test_engine engine(world.options());
    for (int i = 0; i < 2; ++i)
      EXPECT_EQ(ask(engine, get(secure(peer.url(), "platform.example"))).outcome, http_outcome::answered);
  }
  EXPECT_EQ(resumed, (std::vector<bool>{false, true}));
}

} // namespace
} // namespace workspace_supervisor
