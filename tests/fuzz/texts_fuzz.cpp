#include "actors/delegation_list/rfc3339.hpp"
#include "actors/http/http_date.hpp"
#include "actors/text/json_text.hpp"
#include "actors/text/plain_text.hpp"
#include "actors/text/utf8.hpp"
#include "actors/workspace/platform_url.hpp"
#include "app/client/json_look.hpp"
#include "app/client/terminal_text.hpp"
#include "tests/support/fuzz_input.hpp"

#include <boost/json.hpp>

#include <algorithm>

using namespace workspace_supervisor;

namespace {

bool has_control(std::string_view text) {
  return std::any_of(text.begin(), text.end(), [](char character) {
    return static_cast<unsigned char>(character) < 32 || character == 127;
  });
}

void times(std::string_view text) {
  if (const auto seconds = parse_http_date(text))
    must(*seconds > -70'000'000'000 && *seconds < 300'000'000'000, "a date has four digits of a year", text);
  const auto wait = parse_retry_after(text, 1'700'000'000);
  must(wait >= -1 && wait <= 366LL * 86'400'000, "a wait has its bounds", text);
  const auto time = parse_rfc3339(text);
  must(time >= 0 && time < 300e9, "a time has four digits of a year", text);
}

void urls(const std::string& text) {
  platform_url url;
  std::string error;
  const bool read = platform_url::parse(text, url, error);
  must(read == error.empty(), "what is no URL says why", error);
  if (!read)
    return;
  must(!url.host.empty() && url.port != 0 && !url.prefix.ends_with('/'), "a URL has its parts", text);
  must(!has_control(url.host) && !has_control(url.prefix) && url.host.find(' ') == std::string::npos,
       "and no more", text);
  platform_url again;
  must(platform_url::parse(url.origin() + url.prefix, again, error), "its parts make a URL",
       url.origin() + url.prefix);
  must(again.origin() == url.origin() && again.prefix == url.prefix, "the same", url.origin() + url.prefix);
  for (const auto character : encode_path_segment(text))
    must(std::isalnum(static_cast<unsigned char>(character)) ||
             std::string_view("-._~%").find(character) != std::string::npos,
         "a segment is encoded", text);
}

void texts(const std::string& text) {
  must(is_utf8(valid_utf8(text)), "made valid, it is UTF-8", text);
  const auto flat = flatten(text);
  must(is_utf8(flat) && !has_control(flat), "flat, it has no control characters", flat);
  const auto short_one = cut(flat, 10);
  must(is_utf8(short_one) && utf8::distance(short_one.begin(), short_one.end()) <= 11,
       "cut, it is whole characters", short_one);
  const auto safe = safe_text(text);
  must(is_utf8(safe) && !has_control(safe), "safe for a terminal, it has no control characters", safe);
  must(is_utf8(shortened(safe, 7)), "shortened, it is UTF-8", safe);
  std::string json;
  append_json_string(json, text);
  must(std::all_of(json.begin(), json.end(),
                   [](char character) { return character >= 32 && character < 127; }),
       "as JSON, it is ASCII", json);
  boost::system::error_code error;
  const auto read = boost::json::parse(json, error);
  must(!error && read.is_string() && std::string_view(read.as_string()) == valid_utf8(text),
       "and the same text", json);
}

void answers(const std::string& text) {
  const auto object = parsed(text);
  for (const auto& [name, value] : object) {
    must(!has_control(text_in(object, name)), "what a client shows is safe");
    const auto number = number_in(object, name);
    must(number >= -1e15 && number <= 1e15, "a number has its bounds");
    count_in(object, name);
    flag_in(object, name);
    object_in(object, name);
    array_in(object, name);
  }
  std::string buffer;
  const auto mended = replace_half_surrogates(text, buffer);
  boost::system::error_code before, after;
  boost::json::parse(text, before);
  boost::json::parse(mended, after);
  must(before || !after, "what could be read can be read with its halves replaced", mended);
}

} // namespace

/// The small readers of what others write: times, URLs, texts, answers.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz_input input(data, size);
  const auto which = input.below(4);
  const std::string text(input.rest());
  switch (which) {
  case 0:
    times(text);
    break;
  case 1:
    urls(text);
    break;
  case 2:
    texts(text);
    break;
  default:
    answers(text);
  }
  return 0;
}
