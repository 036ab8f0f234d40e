#include "app/configuration/configuration_file.hpp"

#include <charconv>
#include <utf8.h>

namespace workspace_supervisor {

namespace {

std::string print_string(std::string_view text) {
  std::string result = "\"";
  for (const char c : text) {
    switch (c) {
    case '\n':
      result += "\\n";
      break;
    case '\r':
      result += "\\r";
      break;
    case '\t':
      result += "\\t";
      break;
    case '\\':
    case '"':
      result += '\\';
      result += c;
      break;
    default:
      result += c;
    }
  }
  return result + '"';
}

std::string print_real(double real) {
  char buffer[64];
  const auto end = std::to_chars(buffer, buffer + sizeof buffer, real).ptr;
  std::string result(buffer, end);
  // Without a point or an exponent it would be read as an integer.
  if (result.find_first_of(".e") == std::string::npos)
    result += ".0";
  return result;
}

std::string print_timespan(configuration_timespan timespan) {
  const auto count = static_cast<std::int64_t>(timespan.count());
  if (count == 0)
    return "0s";
  constexpr std::pair<std::int64_t, const char*> units[] = {
      {3600000000000, "h"}, {60000000000, "min"}, {1000000000, "s"}, {1000000, "ms"}, {1000, "us"},
  };
  for (const auto& [size, name] : units) {
    if (count % size == 0)
      return std::to_string(count / size) + name;
  }
  return std::to_string(count) + "ns";
}

template <class... Ts>
struct overloaded : Ts... {
  using Ts::operator()...;
};
template <class... Ts>
overloaded(Ts...) -> overloaded<Ts...>;

void print_children(const configuration_node& group, std::size_t depth, std::string& out) {
  const std::string indent(2 * depth, ' ');
  for (const auto& child : group.children) {
    out += indent + print_configuration_key_part(child.name);
    if (child.value) {
      out += " = " + print_configuration_value(*child.value) + '\n';
    } else {
      out += " {\n";
      print_children(child, depth + 1, out);
      out += indent + "}\n";
    }
  }
}

/// Length of the UTF-8 character at the start of `text` that may be shown as it is; 0: none.
std::size_t printable_length(std::string_view text) {
  const auto end = text.substr(0, 4).end(); // no character is longer
  auto place = text.begin();
  try {
    const auto character = utf8::next(place, end);
    // Controls, U+00A0 and U+00AD that nobody sees; from U+2000 on line separators and the marks that turn
    // the direction of text.
    if (character < 0x20 || (character >= 0x7f && character < 0xc0) ||
        (character >= 0x2000 && character <= 0x206f))
      return 0;
  } catch (const utf8::exception&) {
    return 0;
  }
  return static_cast<std::size_t>(place - text.begin());
}

} // namespace

std::string print_configuration_value(const configuration_value& value) {
  return std::visit(overloaded{
                        [](const std::string& text) { return print_string(text); },
                        [](std::int64_t integer) { return std::to_string(integer); },
                        [](double real) { return print_real(real); },
                        [](bool boolean) { return std::string(boolean ? "true" : "false"); },
                        [](configuration_timespan timespan) { return print_timespan(timespan); },
                        [](const configuration_list& list) {
                          std::string result = "[";
                          for (const auto& item : list)
                            result += (result.size() > 1 ? ", " : "") + print_configuration_value(item);
                          return result + ']';
                        },
                    },
                    value.data);
}

std::string print_configuration_key_part(std::string_view part) {
  constexpr std::string_view plain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_";
  if (!part.empty() && part.find_first_not_of(plain) == std::string_view::npos)
    return std::string(part);
  return print_string(part);
}

std::string print_configuration_key(const std::vector<std::string>& parts) {
  std::string result;
  for (const auto& part : parts)
    result.append(&part == &parts.front() ? "" : ".").append(print_configuration_key_part(part));
  return result;
}

std::string print_configuration(const configuration_node& root) {
  std::string result;
  print_children(root, 0, result);
  return result;
}

std::string describe_configuration_value(const configuration_value& value) {
  const auto text = print_configuration_value(value);
  return std::visit(overloaded{
                        [](const std::string& string) { return "the string " + quote_for_message(string); },
                        [&](std::int64_t) { return "the integer " + text; },
                        [&](double) { return "the real " + text; },
                        [&](bool) { return "the boolean " + text; },
                        [&](configuration_timespan) { return "the timespan " + text; },
                        [&](const configuration_list&) { return "the list " + quote_for_message(text); },
                    },
                    value.data);
}

std::string quote_for_message(std::string_view text) {
  constexpr std::size_t longest = 80;
  std::string result = "'";
  while (!text.empty() && result.size() < longest) {
    if (const auto length = printable_length(text); length > 0) {
      result += text.substr(0, length);
      text.remove_prefix(length);
    } else {
      constexpr char digits[] = "0123456789abcdef";
      const auto byte = static_cast<unsigned char>(text.front());
      result += "\\x";
      result += digits[byte >> 4];
      result += digits[byte & 15];
      text.remove_prefix(1);
    }
  }
  return result + (text.empty() ? "'" : "…'");
}

} // namespace workspace_supervisor
