#include "app/dev_platform/platform_response.hpp"

#include <boost/beast/http/status.hpp>

#include <algorithm>
#include <cstdio>
#include <ctime>
#include <strings.h>

namespace workspace_supervisor {

namespace {

/// "[]" as gzip.
constexpr unsigned char gzip_of_empty_array[] = {0x1f, 0x8b, 0x08, 0x00, 0x00, 0x00, 0x00, 0x00,
                                                 0x00, 0x03, 0x8b, 0x8e, 0x05, 0x00, 0x29, 0xbb,
                                                 0x4c, 0x0d, 0x02, 0x00, 0x00, 0x00};

/// Now, as the Date header has it; made once a second.
const std::string& http_date() {
  thread_local std::time_t made = 0;
  thread_local std::string text;
  auto now = std::time(nullptr);
  if (now != made) {
    std::tm parts{};
    gmtime_r(&now, &parts);
    char date[48];
    std::strftime(date, sizeof date, "%a, %d %b %Y %H:%M:%S GMT", &parts);
    text = date;
    made = now;
  }
  return text;
}

void add_header(std::string& head, const std::string& name, const std::string& value) {
  head += name;
  head += ": ";
  head += value;
  head += "\r\n";
}

std::string head_text(int status, const std::vector<std::pair<std::string, std::string>>& own,
                      const std::vector<std::pair<std::string, std::string>>& ordered) {
  std::string head;
  head.reserve(256);
  head += "HTTP/1.1 ";
  head += std::to_string(status);
  head += ' ';
  head += boost::beast::http::obsolete_reason(static_cast<boost::beast::http::status>(status));
  head += "\r\n";
  for (const auto& [name, value] : own) {
    bool replaced = std::any_of(ordered.begin(), ordered.end(), [&name = name](const auto& header) {
      return strcasecmp(header.first.c_str(), name.c_str()) == 0;
    });
    if (!replaced)
      add_header(head, name, value);
  }
  for (const auto& [name, value] : ordered)
    add_header(head, name, value);
  head += "\r\n";
  return head;
}

} // namespace

std::string platform_response::text() const {
  std::vector<std::pair<std::string, std::string>> own{
      {"Date", http_date()}, {"Content-Type", content_type}, {"Content-Length", std::to_string(body.size())}};
  if (!keep_alive)
    own.emplace_back("Connection", "close");
  // Neither may have a body, and a length of 0 would be wrong for them too.
  bool bodiless = status == 204 || status == 304;
  if (bodiless)
    own.erase(own.begin() + 1, own.begin() + 3);
  auto result = head_text(status, own, headers);
  if (!bodiless)
    result += body;
  return result;
}

platform_response faulty_response(platform_state& state, std::uint64_t seq, const platform_call& call,
                                  const platform_fault& fault) {
  auto made = [&](int status, std::string body) {
    state.answering(seq, call, status);
    platform_response response{status, std::move(body)};
    response.headers = fault.headers;
    return response;
  };
  switch (fault.action) {
  case fault_action::reject_token:
    return made(401, error_text("the token is not valid"));
  case fault_action::status:
    return made(fault.status, fault.body);
  case fault_action::invalid_json:
    return made(200, R"([{"delegation_id": "broken off)");
  case fault_action::gzip: {
    auto response = made(200, std::string(std::begin(gzip_of_empty_array), std::end(gzip_of_empty_array)));
    response.headers.emplace_back("Content-Encoding", "gzip");
    return response;
  }
  default:
    break;
  }
  auto answer = state.answer(seq, call);
  platform_response response{answer.status, std::move(answer.body)};
  response.headers = fault.headers;
  if (fault.action == fault_action::wrong_content_type)
    response.content_type = "text/html; charset=utf-8";
  if (fault.action == fault_action::huge_headers)
    response.headers.emplace_back("X-Huge", std::string(fault.bytes, 'x'));
  return response;
}

std::string large_body_head(const platform_fault& fault, std::size_t size) {
  std::vector<std::pair<std::string, std::string>> own{{"Date", http_date()},
                                                       {"Content-Type", "application/json"}};
  switch (fault.framing) {
  case body_framing::content_length:
    own.emplace_back("Content-Length", std::to_string(size));
    break;
  case body_framing::chunked:
    own.emplace_back("Transfer-Encoding", "chunked");
    break;
  case body_framing::until_close:
    own.emplace_back("Connection", "close");
    break;
  }
  return head_text(200, own, fault.headers);
}

std::string large_body_piece(std::size_t at, std::size_t length, std::size_t size) {
  static constexpr char opening[] = {'[', '"'};
  static constexpr char closing[] = {'"', ']'};
  std::string piece(length, 'x');
  for (std::size_t i = 0; i < 2; ++i) {
    if (i >= at && i < at + length)
      piece[i - at] = opening[i];
    auto from_end = size - 2 + i;
    if (from_end >= at && from_end < at + length)
      piece[from_end - at] = closing[i];
  }
  return piece;
}

std::string chunk(const std::string& data) {
  char length[24];
  std::snprintf(length, sizeof length, "%zx\r\n", data.size());
  return length + data + "\r\n";
}

} // namespace workspace_supervisor
