#include "app/client/http_reply.hpp"

#include <algorithm>
#include <charconv>
#include <utility>

namespace workspace_supervisor {

namespace {

constexpr std::size_t longest_head = 65536;
constexpr std::size_t longest_body = 1U << 30U; ///< far beyond the statistics of 10,000 workspaces

template <class Number>
bool read_number(std::string_view text, Number& into) {
  const auto [rest, error] = std::from_chars(text.data(), text.data() + text.size(), into);
  return error == std::errc{} && rest == text.data() + text.size();
}

bool same_name(std::string_view name, std::string_view lower) {
  return name.size() == lower.size() &&
         std::equal(name.begin(), name.end(), lower.begin(), [](char one, char other) {
           return (one >= 'A' && one <= 'Z' ? static_cast<char>(one - 'A' + 'a') : one) == other;
         });
}

} // namespace

void http_reply_reader::read_head(std::string_view head) {
  auto line = head.substr(0, head.find("\r\n"));
  if (line.substr(0, 7) != "HTTP/1." || line.size() < 12 || !read_number(line.substr(9, 3), status_) ||
      status_ < 200) {
    status_ = 0;
    error_ = "what answers there does not speak HTTP";
    return;
  }
  while (!head.empty()) {
    line = head.substr(0, head.find("\r\n"));
    head.remove_prefix(std::min(head.size(), line.size() + 2));
    const auto colon = line.find(':');
    if (colon == std::string_view::npos)
      continue;
    auto value = line.substr(colon + 1);
    value.remove_prefix(std::min(value.size(), value.find_first_not_of(' ')));
    std::uint64_t length = 0;
    if (!same_name(line.substr(0, colon), "content-length"))
      continue;
    if (read_number(value, length) && length <= longest_body)
      left_ = length;
    else
      error_ = "the answer has a length that makes no sense";
  }
}

void http_reply_reader::take(std::string_view piece) {
  if (status_ == 0) {
    const auto before = head_.size();
    head_ += piece;
    const auto end = head_.find("\r\n\r\n", before < 3 ? 0 : before - 3);
    if (end == std::string::npos) {
      if (head_.size() > longest_head)
        error_ = "what answers there does not speak HTTP";
      return;
    }
    const auto whole = std::exchange(head_, {});
    read_head(std::string_view{whole}.substr(0, end));
    if (error_.empty())
      take(std::string_view{whole}.substr(end + 4));
    return;
  }
  if (left_) {
    piece = piece.substr(0, *left_);
    *left_ -= piece.size();
    complete_ = *left_ == 0;
  }
  body_ += piece;
  if (body_.size() > longest_body)
    error_ = "the answer is too long";
}

void http_reply_reader::end() {
  if (status_ == 0 || (left_ && *left_ > 0))
    error_ = "the connection ended before the answer did";
  complete_ = error_.empty();
}

std::string http_reply_reader::take_body() {
  return std::exchange(body_, {});
}

} // namespace workspace_supervisor
