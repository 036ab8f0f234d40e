#include "app/control/page.hpp"

#include <string>
#include <string_view>

#include "page_parts.hpp"

namespace workspace_supervisor {

namespace {

void put(std::string& text, std::string_view placeholder, std::string_view content) {
  if (const auto place = text.find(placeholder); place != std::string::npos)
    text.replace(place, placeholder.size(), content);
}

std::string whole_page() {
  std::string text{page_parts::document};
  put(text, "/*style*/", page_parts::style);
  put(text, "/*script*/", page_parts::script);
  return text;
}

/// Nothing runs but what this binary brings, nothing is fetched but from here, and no text can become markup:
/// the browser refuses every assignment to innerHTML and its like.
std::string content_security_policy() {
  return "default-src 'none'; script-src 'sha256-" + std::string{page_parts::script_hash} +
         "'; style-src 'sha256-" + std::string{page_parts::style_hash} +
         "'; connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
         "require-trusted-types-for 'script'; trusted-types 'none'";
}

} // namespace

control_answer status_page() {
  static const auto text = whole_page();
  static const auto policy = content_security_policy();
  control_answer answer;
  answer.content_type = "text/html; charset=utf-8";
  answer.body = text;
  answer.headers = {
      {"Content-Security-Policy", policy}, {"Referrer-Policy", "no-referrer"}, {"X-Frame-Options", "DENY"}};
  return answer;
}

} // namespace workspace_supervisor
