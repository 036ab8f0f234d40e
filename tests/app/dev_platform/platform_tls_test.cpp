#include "app/dev_platform/platform.hpp"
#include "tests/app/dev_platform/raw_client.hpp"
#include "tests/support/certificates.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <thread>

using namespace workspace_supervisor;

namespace {

class platform_tls : public testing::Test {
protected:
  static void SetUpTestSuite() {
    char name[] = "/tmp/platform-tls-XXXXXX";
    folder = mkdtemp(name);
    made = make_certificates(folder);
  }
  static void TearDownTestSuite() { std::filesystem::remove_all(folder); }

  static std::unique_ptr<platform_server> serve(const certificate_files& files) {
    platform_options options;
    options.certificate_file = files.certificate;
    options.key_file = files.key;
    auto server = std::make_unique<platform_server>(options);
    server->add_workspace("ws-a", "Alpha", "", "token-a");
    return server;
  }

  /// What a client that verifies says of the server; "" when it is content.
  static std::string verdict(const certificate_files& files, const std::string& host) {
    auto server = serve(files);
    try {
      raw_client client{server->port(), made.ca_file, host};
      return client.get("/workspaces/ws-a", "token-a").status == 200 ? "" : "no answer";
    } catch (const std::runtime_error& error) {
      return error.what();
    }
  }

  static std::string folder;
  static test_certificates made;
};

std::string platform_tls::folder;
test_certificates platform_tls::made;

TEST_F(platform_tls, a_good_certificate_is_good_for_its_name_and_address) {
  EXPECT_EQ(verdict(made.good, "localhost"), "");
  EXPECT_EQ(verdict(made.good, "127.0.0.1"), "");
}

TEST_F(platform_tls, an_expired_certificate) {
  EXPECT_EQ(verdict(made.expired, "localhost"), "certificate has expired");
}

TEST_F(platform_tls, a_certificate_for_another_host) {
  EXPECT_EQ(verdict(made.wrong_host, "localhost"), "hostname mismatch");
  EXPECT_EQ(verdict(made.wrong_host, "127.0.0.1"), "IP address mismatch");
}

TEST_F(platform_tls, a_certificate_that_nobody_signed) {
  EXPECT_EQ(verdict(made.self_signed, "localhost"), "self-signed certificate");
}

TEST_F(platform_tls, a_certificate_of_a_stranger) {
  EXPECT_NE(verdict(made.other_ca, "localhost"), "");
}

TEST_F(platform_tls, a_refused_certificate_is_counted) {
  auto server = serve(made.expired);
  EXPECT_THROW((raw_client{server->port(), made.ca_file}), std::runtime_error);
  EXPECT_TRUE(
      server->wait_until([](const platform_view& view) { return view.counts().handshakes_failed == 1; }));
  EXPECT_EQ(server->counts().requests, 0u);
}

TEST_F(platform_tls, keeps_connections_and_misbehaves_as_over_http) {
  auto server = serve(made.good);
  EXPECT_TRUE(server->url().starts_with("https://"));
  raw_client client{server->port(), made.ca_file};
  EXPECT_EQ(client.get("/workspaces/ws-a", "token-a").status, 200);
  EXPECT_EQ(client.get("/workspaces/ws-a", "token-a").status, 200);
  EXPECT_EQ(server->requests().back().on_connection, 2u);
  for (auto action : {fault_action::close, fault_action::reset, fault_action::close_in_body}) {
    platform_fault fault;
    fault.action = action;
    fault.times = 1;
    server->order(fault);
    raw_client fresh{server->port(), made.ca_file};
    EXPECT_FALSE(fresh.get("/workspaces/ws-a", "token-a").whole);
  }
  platform_fault fault;
  fault.action = fault_action::large_body;
  fault.framing = body_framing::until_close;
  fault.bytes = 1u << 20;
  server->order(fault);
  EXPECT_EQ(client.get("/workspaces/ws-a", "token-a").body.size(), 1u << 20);
}

TEST_F(platform_tls, a_client_that_leaves_a_hang_is_noticed) {
  auto server = serve(made.good);
  platform_fault fault;
  fault.action = fault_action::hang;
  server->order(fault);
  {
    raw_client leaving{server->port(), made.ca_file};
    leaving.send("GET /workspaces/ws-a HTTP/1.1\r\nHost: test\r\nAuthorization: Bearer token-a\r\n\r\n");
    ASSERT_TRUE(server->wait_until([](const platform_view& view) { return view.counts().hanging == 1; }));
  }
  EXPECT_TRUE(
      server->wait_until([](const platform_view& view) { return view.requests().back().client_gone; }));
}

TEST_F(platform_tls, a_handshake_waits_while_nothing_is_read) {
  auto server = serve(made.good);
  server->set_reading(false);
  std::thread later{[&] {
    // The client is in its handshake, or will be: it ends either way.
    server->wait_until([](const platform_view& view) { return view.counts().connections_accepted == 1; });
    server->set_reading(true);
  }};
  raw_client client{server->port(), made.ca_file};
  EXPECT_EQ(client.get("/workspaces/ws-a", "token-a").status, 200);
  later.join();
}

TEST_F(platform_tls, a_certificate_that_cannot_be_read_is_an_error) {
  EXPECT_THROW(serve({folder + "/missing.pem", folder + "/missing.key"}), std::runtime_error);
}

} // namespace
