#pragma once

#include "actors/http/http_engine.hpp"

#include <boost/beast/http/basic_parser.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace workspace_supervisor {

/// Where reading an answer stands.
enum class answer_state {
  incomplete, ///< more bytes are needed
  complete,   ///< whole; whether the connection can be kept: `http_answer::keeps_connection`
  refused     ///< not HTTP, or not what the request allows: `http_answer::error` says why
};

/// Reads the answer to one request, as its bytes come, into an http_response, with the limits that the
/// request sets. It keeps those fields alone that the engine looks at, so that an answer costs no allocation
/// for its header.
class http_answer {
public:
  http_answer(bool expects_json, std::size_t max_body)
      : expects_json_(expects_json)
      , max_body_(max_body) {}
  http_answer(const http_answer&) = delete;
  http_answer& operator=(const http_answer&) = delete;

  /// Takes bytes as they were read.
  answer_state take(const char* data, std::size_t size);
  /// The peer has ended the stream in an orderly way: ends an answer that has no length.
  answer_state take_end();

  /// @returns whether any byte has come.
  bool begun() const { return begun_; }
  /// @returns whether the answer's own head has come whole (not that of a 1xx before it).
  bool head_done() const { return head_done_; }
  /// @returns whether `complete` left the connection fit for another request.
  bool keeps_connection() const { return keeps_connection_; }
  /// Why it was refused; names header fields, never their values.
  const std::string& error() const { return error_; }
  /// Status, body, date and retry_after_ms as far as they have come.
  http_response& response() { return response_; }

private:
  /// Beast's parser, calling back for fields and body.
  class parser final : public boost::beast::http::basic_parser<false> {
  public:
    explicit parser(http_answer& answer);

  private:
    using error_code = boost::beast::error_code;
    using text = boost::beast::string_view;
    void on_request_impl(boost::beast::http::verb, text, text, int, error_code&) override {}
    void on_response_impl(int status, text, int, error_code&) override;
    void on_field_impl(boost::beast::http::field name, text, text value, error_code& error) override;
    void on_header_impl(error_code& error) override;
    void on_body_init_impl(const boost::optional<std::uint64_t>&, error_code&) override {}
    std::size_t on_body_impl(text body, error_code& error) override;
    void on_chunk_header_impl(std::uint64_t, text, error_code&) override {}
    std::size_t on_chunk_body_impl(std::uint64_t, text body, error_code& error) override;
    void on_finish_impl(error_code&) override {}

    http_answer& answer_;
  };

  answer_state parse(const char* data, std::size_t size, std::size_t& used);
  bool looks_like_http(const char* data, std::size_t size);
  void on_field(boost::beast::http::field name, std::string_view value);
  bool on_head(std::optional<std::uint64_t> length);
  bool on_body(std::string_view body);
  bool refuse(std::string reason);
  answer_state finish(bool keeps_connection);

  const bool expects_json_;
  const std::size_t max_body_;
  http_response response_;
  std::optional<parser> parser_;
  std::string rest_; ///< read but not parsed: part of a header or of a chunk's size
  std::string retry_after_;
  std::string error_;
  unsigned interim_answers_ = 0;
  bool begun_ = false;
  bool head_done_ = false;
  bool keeps_connection_ = false;
  bool json_type_ = false;
  bool other_type_ = false;
  bool encoded_ = false;
  bool longer_ = false; ///< the length announced is above `max_body`
  bool cut_ = false;    ///< as much of the body as is wanted has come
};

} // namespace workspace_supervisor
