// Requests that no client should send, by the thousand, against the whole process. How many is told by
// SUPERVISOR_MALFORMED_REQUESTS (2,000 when it is not set), the seed by SUPERVISOR_MALFORMED_SEED.

#include "tests/app/control/control_fixture.hpp"

#include <cstdlib>
#include <iostream>
#include <map>
#include <random>
#include <set>
#include <string>

namespace workspace_supervisor {
namespace {

unsigned long number_from(const char* name, unsigned long otherwise) {
  const char* text = std::getenv(name);
  return text ? std::strtoul(text, nullptr, 10) : otherwise;
}

/// Makes requests, most of them wrong in one way or several.
class request_maker {
public:
  explicit request_maker(unsigned long seed)
      : random_{seed} {}

  std::string make() {
    std::string bytes;
    const auto requests = below(5) == 0 ? 1 + below(20) : 1;
    for (std::size_t number = 0; number < requests; ++number)
      bytes += one();
    for (auto rounds = below(2); rounds > 0; --rounds)
      damage(bytes);
    return bytes;
  }
  std::size_t below(std::size_t bound) {
    return std::uniform_int_distribution<std::size_t>{0, bound - 1}(random_);
  }

private:
  template <std::size_t Size>
  std::string pick(const char* const (&choices)[Size]) {
    return choices[below(Size)];
  }
  std::string noise(std::size_t size) {
    std::string bytes;
    for (std::size_t index = 0; index < size; ++index)
      bytes += static_cast<char>(below(256));
    return bytes;
  }

  std::string one() {
    static const char* const methods[] = {"GET",  "GET",  "GET",    "PUT", "PUT", "POST",    "POST",   "PUT",
                                          "POST", "HEAD", "DELETE", "get", "",    "OPTIONS", "CONNECT"};
    static const char* const targets[] = {"/healthz",
                                          "/readyz",
                                          "/metrics",
                                          "/v1/stats",
                                          "/v1/workspaces",
                                          "/v1/workspaces/ws-1",
                                          "/v1/workspaces/ws-1/activity",
                                          "/v1/workspaces/ws-1/outcomes",
                                          "/v1/workspaces/ws-1/runtime-state",
                                          "/v1/workspaces/ws-1/runtime-metadata",
                                          "/v1/workspaces/ws-1/results?after=0&limit=10",
                                          "/v1/workspaces/ws-1/results?after=%zz",
                                          "/v1/workspaces/%",
                                          "/v1/workspaces/%00",
                                          "/v1/workspaces//",
                                          "/v1/workspaces/ws-1/",
                                          "/v1/debug/crash",
                                          "*",
                                          "http://evil.example/",
                                          "/?&&==&%41=%",
                                          "/../../etc/passwd"};
    static const char* const versions[] = {"HTTP/1.1", "HTTP/1.1",  "HTTP/1.1", "HTTP/1.0",
                                           "HTTP/2.0", "HTTP/1.1 ", "X"};
    static const char* const bodies[] = {"",
                                         "{}",
                                         R"({"active_tasks":1,"current_task":"x"})",
                                         R"({"active_tasks":-1})",
                                         R"({"active_tasks":1e999})",
                                         R"({"active_tasks":99999999999999999999999})",
                                         R"({"errors":1,"sample_error":"\ud800"})",
                                         "{\"current_task\":\"\xff\xfe\"}",
                                         R"({"state":"wedged","reason":5})",
                                         "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[",
                                         R"({"actor":"nobody"})",
                                         "null"};
    static const char* const headers[] = {"Host: localhost",
                                          "Host: evil.example",
                                          "Content-Type: application/json",
                                          "Content-Type: text/plain",
                                          "Connection: close",
                                          "Connection: keep-alive, upgrade",
                                          "Upgrade: h2c",
                                          "Expect: 100-continue",
                                          "Expect: the unexpected",
                                          "Transfer-Encoding: chunked",
                                          "Transfer-Encoding: gzip, chunked",
                                          "Content-Length: 5",
                                          "Content-Length: -1",
                                          "Content-Length: 18446744073709551616",
                                          "Content-Length: 99999999",
                                          " folded: line",
                                          "no colon",
                                          ": no name",
                                          "Sec-Fetch-Site: cross-site"};
    auto body = pick(bodies);
    if (below(40) == 0)
      body = std::string(below(200000), '[');
    // Half of them get past the reading of the head, so that what comes behind it has its share.
    const bool proper = below(2) == 0;
    auto text = pick(methods) + ' ' + pick(targets) + ' ' + (proper ? "HTTP/1.1" : pick(versions)) + "\r\n";
    if (proper || below(4) != 0)
      text += "Host: localhost\r\nContent-Type: application/json\r\nContent-Length: " +
              std::to_string(body.size()) + "\r\n";
    for (auto further = proper ? 0 : below(3); further > 0; --further)
      text += pick(headers) + "\r\n";
    if (below(30) == 0)
      text += "X-Long: " + std::string(below(40000), 'x') + "\r\n";
    if (below(30) == 0)
      for (auto lines = below(3000); lines > 0; --lines)
        text += "A: b\r\n";
    return text + "\r\n" + body;
  }

  void damage(std::string& bytes) {
    const auto at = below(bytes.size() + 1);
    switch (below(6)) {
    case 0:
      bytes.resize(at);
      break;
    case 1:
      bytes.insert(at, noise(1 + below(20)));
      break;
    case 2:
      if (at < bytes.size())
        bytes[at] = static_cast<char>(below(256));
      break;
    case 3:
      bytes.erase(at, 1 + below(10));
      break;
    case 4:
      bytes += noise(below(300));
      break;
    default:
      bytes.insert(at, "\r\n");
      break;
    }
  }

  std::mt19937 random_;
};

using malformed_requests = control_fixture;

TEST_F(malformed_requests, are_answered_as_they_should_and_cost_nothing) {
  const auto count = number_from("SUPERVISOR_MALFORMED_REQUESTS", 2000);
  const auto seed = number_from("SUPERVISOR_MALFORMED_SEED", 1);
  configuration.supervisor.fault_injection = false;
  control::choices chosen;
  chosen.limits.owed = milliseconds{2000};
  start(chosen);
  request_maker maker{seed};
  std::map<int, std::size_t> answers; // by status; 0: closed without one
  for (unsigned long number = 0; number < count; ++number) {
    const auto bytes = maker.make();
    auto client = maker.below(2) == 0 ? over_socket() : over_tcp();
    client.send(bytes);
    if (maker.below(20) == 0)
      continue; // gone before the answer
    client.end_sending();
    ASSERT_TRUE(client.ends()) << "request " << number << " of seed " << seed << " is held open: " << bytes;
    const auto& told = client.unread();
    const bool answered = told.compare(0, 7, "HTTP/1.") == 0 && told.size() > 12;
    ++answers[answered ? std::stoi(told.substr(9, 3)) : 0];
    ASSERT_TRUE(answered || told.empty()) << "request " << number << " of seed " << seed << ": " << told;
    if (number % 500 == 0) {
      ASSERT_EQ(call("GET", "/healthz").status, 200) << "after request " << number << " of seed " << seed;
    }
  }
  for (const auto& [status, times] : answers) {
    std::cout << status << ": " << times << '\n';
    const std::set<int> expected{0, 100, 200, 400, 403, 404, 405, 408, 409, 413, 415, 421, 503};
    EXPECT_TRUE(expected.count(status) != 0) << status;
  }
  EXPECT_TRUE(wait_until([this] { return api->server().open_connections() == 0; }));
  EXPECT_EQ(call("GET", "/v1/stats").status, 200);
}

} // namespace
} // namespace workspace_supervisor
