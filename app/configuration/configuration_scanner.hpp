#pragma once

#include "app/configuration/configuration_file.hpp"

namespace workspace_supervisor {

/// Goes through a configuration's text once and takes it apart into keys, strings, words and marks. Knows the
/// place it has come to, and keeps the errors; what the parts mean together is the parser's.
class configuration_scanner {
public:
  explicit configuration_scanner(std::string_view text)
      : text_(text) {}

  /// Whether nothing is left, or nothing more is to be read.
  bool at_end() const { return text_ended() || stopped_; }
  bool text_ended() const { return position_ >= text_.size(); }
  bool stopped() const { return stopped_; }
  /// The character that comes next: not at the end of the text.
  char peek() const { return text_[position_]; }
  /// Whether `mark` comes next and is still to be read.
  bool sees(char mark) const { return !at_end() && peek() == mark; }
  /// Whether a key may begin here.
  bool sees_key() const;
  void skip() { ++position_; }
  configuration_location here() const { return {line_, position_ - line_start_ + 1}; }
  /// What comes next, for messages.
  std::string found() const;

  void skip_blanks();
  /// Skips blanks, comments and line ends. @returns whether a line ended.
  bool skip_space();
  /// Skips what is left of an entry that could not be read.
  void skip_entry();

  /// Takes a dotted key. @returns false when there is none, with an error.
  bool take_key(std::vector<std::string>& parts);
  /// Takes a string, its opening mark being next. @returns false with an error when it is not whole.
  bool take_string(std::string& result);
  /// Takes what stands without quotes, up to a blank or a mark; may be empty.
  std::string_view take_word();

  /// Adds an error; after too many of them nothing more is read.
  void fail_at(configuration_location where, std::string message);
  void fail(std::string message) { fail_at(here(), std::move(message)); }
  /// What comes after this error cannot be told apart any more.
  void fail_and_stop(std::string message);
  void stop() { stopped_ = true; }
  std::vector<configuration_syntax_error>& errors() { return errors_; }

private:
  bool sees_line_end() const;

  std::string_view text_;
  std::size_t position_ = 0;
  std::size_t line_ = 1;
  std::size_t line_start_ = 0;
  bool stopped_ = false;
  std::vector<configuration_syntax_error> errors_;
};

} // namespace workspace_supervisor
