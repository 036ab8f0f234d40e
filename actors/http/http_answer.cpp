#include "actors/http/http_answer.hpp"

#include "actors/http/http_date.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/beast/core/string.hpp>
#include <boost/beast/http/error.hpp>
#include <boost/beast/http/impl/basic_parser.hpp>

#include <algorithm>
#include <ctime>

namespace workspace_supervisor {

namespace {

namespace http = boost::beast::http;

constexpr std::uint32_t header_limit = 65536;
constexpr unsigned most_interim_answers = 32;
/// A peer may announce any length: memory is taken in advance for so much of it alone.
constexpr std::size_t most_reserved = 262144;
constexpr std::string_view beginning = "HTTP/1.";

bool equal_ignoring_case(std::string_view left, std::string_view right) {
  return boost::beast::iequals({left.data(), left.size()}, {right.data(), right.size()});
}

/// "application/json; charset=utf-8", "application/problem+json"
bool is_json_type(std::string_view value) {
  std::string_view type = value.substr(0, value.find(';'));
  while (type.ends_with(' ') || type.ends_with('\t'))
    type.remove_suffix(1);
  return equal_ignoring_case(type, "application/json") ||
         (type.size() > 5 && equal_ignoring_case(type.substr(type.size() - 5), "+json"));
}

std::string_view to_view(boost::beast::string_view text) {
  return {text.data(), text.size()};
}

} // namespace

http_answer::parser::parser(http_answer& answer)
    : answer_(answer) {
  header_limit(workspace_supervisor::header_limit);
  body_limit(boost::none); // ours, see on_body
  eager(true);
}

void http_answer::parser::on_response_impl(int status, text, int, error_code&) {
  answer_.response_.status = status;
}

void http_answer::parser::on_field_impl(http::field name, text, text value, error_code& error) {
  if (is_header_done())
    return; // a trailer
  answer_.on_field(name, to_view(value));
  if (!answer_.error_.empty())
    error = http::error::bad_field;
}

void http_answer::parser::on_header_impl(error_code& error) {
  const boost::optional<std::uint64_t> length = content_length();
  if (!answer_.on_head(length ? std::optional<std::uint64_t>(*length) : std::nullopt))
    error = http::error::bad_value;
}

std::size_t http_answer::parser::on_body_impl(text body, error_code& error) {
  if (!answer_.on_body(to_view(body)))
    error = http::error::body_limit;
  return body.size();
}

std::size_t http_answer::parser::on_chunk_body_impl(std::uint64_t, text body, error_code& error) {
  return on_body_impl(body, error);
}

bool http_answer::refuse(std::string reason) {
  error_ = std::move(reason);
  return false;
}

void http_answer::on_field(http::field name, std::string_view value) {
  switch (name) {
  case http::field::content_type:
    (is_json_type(value) ? json_type_ : other_type_) = true;
    break;
  case http::field::content_encoding:
    encoded_ = encoded_ || !(value.empty() || equal_ignoring_case(value, "identity"));
    break;
  case http::field::transfer_encoding:
    if (!equal_ignoring_case(value, "chunked"))
      refuse("the Transfer-Encoding is not chunked");
    break;
  case http::field::date:
    response_.date = parse_http_date(value).value_or(0);
    break;
  case http::field::retry_after:
    retry_after_ = value;
    break;
  default:
    break;
  }
}

bool http_answer::on_head(std::optional<std::uint64_t> length) {
  if (response_.status / 100 == 1) {
    if (response_.status == 101)
      return refuse("switches protocols unasked");
    return ++interim_answers_ <= most_interim_answers || refuse("more than 32 interim answers");
  }
  if (response_.status < 200)
    return refuse("the status is not one of HTTP's");
  head_done_ = true;
  if (!retry_after_.empty())
    response_.retry_after_ms =
        parse_retry_after(retry_after_, response_.date != 0 ? response_.date : std::time(nullptr));
  longer_ = length.value_or(0) > max_body_;
  if (expects_json_ && response_.status / 100 == 2) {
    if (encoded_)
      return refuse("the body has a Content-Encoding");
    if (!json_type_ || other_type_)
      return refuse("the Content-Type is not JSON");
    if (longer_)
      return refuse("the body is longer than " + std::to_string(max_body_) + " bytes");
  }
  response_.body.reserve(static_cast<std::size_t>(
      std::min<std::uint64_t>(length.value_or(0), std::min(max_body_, most_reserved))));
  return true;
}

bool http_answer::on_body(std::string_view body) {
  const std::size_t room = max_body_ - response_.body.size();
  response_.body.append(body.substr(0, room));
  if (body.size() < room || (body.size() == room && !longer_))
    return true;
  if (expects_json_ && response_.status / 100 == 2)
    return refuse("the body is longer than " + std::to_string(max_body_) + " bytes");
  cut_ = true;
  return false;
}

answer_state http_answer::finish(bool keeps_connection) {
  keeps_connection_ = keeps_connection;
  return answer_state::complete;
}

bool http_answer::looks_like_http(const char* data, std::size_t size) {
  const std::size_t known = std::min(size, beginning.size());
  return std::string_view(data, known) == beginning.substr(0, known);
}

answer_state http_answer::take(const char* data, std::size_t size) {
  if (size == 0)
    return answer_state::incomplete;
  begun_ = true;
  if (rest_.empty()) {
    std::size_t used = 0;
    const answer_state state = parse(data, size, used);
    if (state == answer_state::incomplete)
      rest_.assign(data + used, size - used);
    return state;
  }
  rest_.append(data, size);
  std::size_t used = 0;
  const answer_state state = parse(rest_.data(), rest_.size(), used);
  if (used == rest_.size())
    rest_ = std::string();
  else
    rest_.erase(0, used);
  return state;
}

answer_state http_answer::parse(const char* data, std::size_t size, std::size_t& used) {
  for (;;) {
    if (!parser_) {
      if (!looks_like_http(data + used, size - used)) {
        refuse("the answer is not HTTP");
        return answer_state::refused;
      }
      // Whole, or what is wrong with it would be told by the size of the pieces it comes in.
      if (size - used < beginning.size())
        return answer_state::incomplete;
      parser_.emplace(*this);
    }
    boost::beast::error_code error;
    const std::size_t taken = parser_->put(boost::asio::const_buffer(data + used, size - used), error);
    used += taken;
    if (error == http::error::need_more || (!error && !parser_->is_done())) {
      // the head itself is limited by the parser, a chunk's extensions and trailers are limited here
      if (size - used > header_limit) {
        refuse("a part of the answer's head is longer than 65536 bytes");
        return answer_state::refused;
      }
      if (error == http::error::need_more || used == size)
        return answer_state::incomplete;
      continue;
    }
    if (cut_)
      return finish(false);
    if (error) {
      if (error_.empty())
        refuse("the answer is not valid HTTP: " + error.message());
      return answer_state::refused;
    }
    if (head_done_)
      return finish(parser_->keep_alive() && used == size);
    // an interim answer: what was said in it is not said of the answer
    parser_.reset();
    json_type_ = other_type_ = encoded_ = false;
    retry_after_.clear();
    response_.status = 0;
    response_.date = 0;
  }
}

answer_state http_answer::take_end() {
  if (!parser_ || !head_done_)
    return answer_state::incomplete;
  boost::beast::error_code error;
  parser_->put_eof(error);
  return error ? answer_state::incomplete : finish(false);
}

} // namespace workspace_supervisor
