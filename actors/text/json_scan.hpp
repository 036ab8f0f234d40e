#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace workspace_supervisor {

/// Walks over JSON text that may be hostile: by value boundaries, without recursion and without a tree, so
/// that a value that cannot be read (nested a million deep, half a surrogate pair, bytes that are no UTF-8)
/// costs that value and not the text around it. It does not validate what it skips.
class json_scan {
public:
  /// `text` must outlive the scan and all views taken from it.
  explicit json_scan(std::string_view text)
      : text_(text) {}

  /// Skips white space, then takes `character` if it comes next.
  bool take(char character);
  /// Skips white space, then takes one value of any kind.
  /// @returns false, having taken nothing, when none begins here or its end is missing.
  bool take_value(std::string_view& value);
  /// Whether nothing but white space is left.
  bool at_end();
  /// Bytes taken so far.
  std::size_t position() const { return position_; }

private:
  void skip_space();
  std::size_t end_of_string(std::size_t position) const;
  std::size_t end_of_container(std::size_t position) const;

  std::string_view text_;
  std::size_t position_ = 0;
};

/// Decodes a string value, its quotes included. Halves of surrogate pairs and invalid UTF-8 become U+FFFD.
/// @returns false when `value` is no string or has an escape that JSON does not know.
bool decode_json_string(std::string_view value, std::string& text);

/// Appends `text` as a JSON string in quotes, in ASCII alone: a reader that splits lines by Unicode's rules
/// (U+0085, U+2028) or decodes by its locale gets it right as well. Invalid UTF-8 becomes U+FFFD.
void append_json_string(std::string& json, std::string_view text);

} // namespace workspace_supervisor
