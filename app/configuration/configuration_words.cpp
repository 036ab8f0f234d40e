#include "app/configuration/configuration_words.hpp"

#include <charconv>

namespace workspace_supervisor {

namespace {

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

struct timespan_unit {
  std::string_view name;
  std::int64_t nanoseconds;
};

// Largest first: the printer takes the first that divides.
constexpr timespan_unit timespan_units[] = {
    {"h", 3600000000000}, {"min", 60000000000}, {"s", 1000000000}, {"ms", 1000000}, {"us", 1000}, {"ns", 1},
};

/// Reads an optional sign and a decimal, 0x, 0b or 0 (octal) integer that fills `text`.
bool parse_integer(std::string_view text, std::int64_t& result) {
  bool negative = false;
  if (!text.empty() && (text.front() == '+' || text.front() == '-')) {
    negative = text.front() == '-';
    text.remove_prefix(1);
  }
  int base = 10;
  if (text.size() > 1 && text.front() == '0') {
    const char mark = text[1];
    base = mark == 'x' || mark == 'X' ? 16 : mark == 'b' || mark == 'B' ? 2 : 8;
    text.remove_prefix(base == 8 ? 1 : 2);
  }
  if (text.empty() || text.front() == '-' || text.front() == '+')
    return false;
  std::string digits(negative ? "-" : "");
  digits += text;
  const auto [end, code] = std::from_chars(digits.data(), digits.data() + digits.size(), result, base);
  return code == std::errc() && end == digits.data() + digits.size();
}

bool parse_real(std::string_view text, double& result) {
  if (text.find_first_not_of("0123456789.eE+-") != std::string_view::npos ||
      text.find_first_of("0123456789") == std::string_view::npos ||
      text.find_first_of(".eE") == std::string_view::npos)
    return false;
  if (text.front() == '+')
    text.remove_prefix(1);
  if (text.front() == '+')
    return false;
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), result);
  return code == std::errc() && end == text.data() + text.size();
}

} // namespace

std::optional<configuration_value> parse_configuration_word(std::string_view word, std::string& error) {
  if (word == "true" || word == "false")
    return configuration_value{word == "true"};
  const bool number = !word.empty() && (is_digit(word.front()) || word.front() == '+' ||
                                        word.front() == '-' || word.front() == '.');
  if (!number) {
    error = "expected a value, found " + quote_for_message(word) +
            " (strings stand in double quotes; booleans are true and false)";
    return std::nullopt;
  }
  if (std::int64_t integer = 0; parse_integer(word, integer))
    return configuration_value{integer};
  if (double real = 0; parse_real(word, real))
    return configuration_value{real};
  for (const auto& unit : timespan_units) {
    if (!word.ends_with(unit.name))
      continue;
    std::int64_t amount = 0;
    const auto digits = word.substr(0, word.size() - unit.name.size());
    if (!parse_integer(digits, amount))
      continue; // "5ms" ends with "s" as well
    if (std::int64_t total = 0; !__builtin_mul_overflow(amount, unit.nanoseconds, &total))
      return configuration_value{configuration_timespan(total)};
    error = "expected a timespan of less than 292 years, found " + quote_for_message(word);
    return std::nullopt;
  }
  error = "expected a number or a timespan (whole, in h, min, s, ms, us or ns, as in 30s) that fits in 64 "
          "bits, found " +
          quote_for_message(word);
  return std::nullopt;
}

} // namespace workspace_supervisor
