#include "app/configuration/configuration_file.hpp"

#include "app/configuration/configuration_words.hpp"

#include <algorithm>
#include <cstring>

namespace workspace_supervisor {

namespace {

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

bool is_key_character(char c) {
  return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' || c == '_';
}

/// Where a value without quotes ends.
bool ends_word(char c) {
  return std::strchr(" \t\r\n,]}#[{\"'=<", c) != nullptr;
}

bool is_control(char c) {
  return static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
}

} // namespace

/// Goes through the text once. Groups are kept on a stack of our own; lists recurse, at most `depth` deep.
class configuration_parser {
public:
  explicit configuration_parser(std::string_view text)
      : text_(text) {}

  configuration_document document() {
    if (text_.size() > configuration_bounds::bytes) {
      fail("expected at most " + std::to_string(configuration_bounds::bytes) + " bytes, found " +
           std::to_string(text_.size()));
      return std::move(document_);
    }
    if (text_.starts_with("\xEF\xBB\xBF")) { // a byte order mark, as some editors leave it
      position_ = 3;
      line_start_ = 3;
    }
    entries();
    return std::move(document_);
  }

  std::optional<configuration_value> single_value(std::string& error) {
    skip_blanks();
    auto result = value(0);
    skip_blanks();
    if (result && position_ < text_.size()) {
      fail("expected the end of the value, found " + found());
      result.reset();
    }
    if (!document_.errors.empty()) {
      error = document_.errors.front().message;
      result.reset();
    }
    return result;
  }

  std::vector<std::string> single_key(std::string& error) {
    std::vector<std::string> parts;
    if (key(parts) && position_ < text_.size()) {
      fail("expected the end of the key, found " + found());
    }
    if (!document_.errors.empty()) {
      error = document_.errors.front().message;
      parts.clear();
    }
    return parts;
  }

private:
  struct open_group {
    configuration_node* node;
    std::size_t depth; ///< of the node below the root
    configuration_location where;
  };

  bool at_end() const { return position_ >= text_.size() || stopped_; }
  char peek() const { return text_[position_]; }
  configuration_location here() const { return {line_, position_ - line_start_ + 1}; }

  std::string found() const {
    if (position_ >= text_.size())
      return "the end of the text";
    const char c = peek();
    if (c == '\n' || (c == '\r' && position_ + 1 < text_.size() && text_[position_ + 1] == '\n'))
      return "the end of the line";
    if (c == '\0')
      return "a NUL byte";
    auto end = position_;
    while (end < text_.size() && !ends_word(text_[end]))
      ++end;
    return quote_for_message(text_.substr(position_, std::max<std::size_t>(end - position_, 1)));
  }

  void fail_at(configuration_location where, std::string message) {
    document_.errors.push_back({where, std::move(message)});
    if (document_.errors.size() >= configuration_bounds::errors)
      stopped_ = true;
  }
  void fail(std::string message) { fail_at(here(), std::move(message)); }
  /// What comes after this error cannot be told apart any more.
  void fail_and_stop(std::string message) {
    fail(std::move(message));
    stopped_ = true;
  }

  void skip_blanks() {
    while (position_ < text_.size() && (peek() == ' ' || peek() == '\t'))
      ++position_;
  }

  void skip_line() {
    while (position_ < text_.size() && peek() != '\n')
      ++position_;
  }

  /// Skips what is left of an entry that could not be read.
  void skip_entry() {
    while (position_ < text_.size() && std::string_view(",}#\n").find(peek()) == std::string_view::npos)
      ++position_;
  }

  /// Skips blanks, comments and line ends. @returns whether a line ended.
  bool skip_space() {
    bool newline = false;
    while (position_ < text_.size()) {
      const char c = peek();
      if (c == ' ' || c == '\t') {
        ++position_;
      } else if (c == '#') {
        skip_line();
      } else if (c == '\n' || (c == '\r' && position_ + 1 < text_.size() && text_[position_ + 1] == '\n')) {
        position_ += c == '\n' ? 1 : 2;
        ++line_;
        line_start_ = position_;
        newline = true;
      } else {
        break;
      }
    }
    return newline;
  }

  void entries() {
    groups_.push_back({&document_.root, 0, {}});
    skip_space();
    // CAF takes a file that is one pair of braces.
    if (!at_end() && peek() == '{') {
      groups_.push_back({&document_.root, 0, here()});
      ++position_;
    }
    bool separated = true;     // a line end, a comma or a brace went before
    bool may_separate = false; // an entry went before that no comma has ended yet
    while (true) {
      separated |= skip_space();
      if (at_end())
        break;
      const char c = peek();
      if (c == '}' && groups_.size() > 1) {
        ++position_;
        groups_.pop_back();
        separated = true;
        may_separate = true;
      } else if (c == ',' && may_separate) {
        ++position_;
        separated = true;
        may_separate = false;
      } else if (!is_key_character(c) && c != '"' && c != '\'') {
        fail_and_stop("expected a key" + std::string(groups_.size() > 1 ? " or '}'" : "") + ", found " +
                      found());
      } else if (!separated) {
        fail("expected a new line or ',' before the next key, found " + found());
        skip_entry();
      } else {
        const bool opened = entry();
        separated = opened;
        may_separate = !opened;
      }
    }
    if (!stopped_ && groups_.size() > 1)
      fail("expected '}' for the group opened in line " + std::to_string(groups_.back().where.line) +
           ", found the end of the text");
  }

  /// @returns whether it opened a group.
  bool entry() {
    const auto where = here();
    std::vector<std::string> parts;
    if (!key(parts)) {
      stopped_ = true;
      return false;
    }
    skip_blanks();
    const bool assigned = !at_end() && (peek() == '=' || peek() == ':');
    if (assigned) {
      ++position_;
      skip_blanks();
    }
    if (!at_end() && peek() == '{') {
      const auto brace = here();
      ++position_;
      auto group = descend(parts, parts.size(), where);
      if (!group)
        return false;
      group->where = brace;
      groups_.push_back(*group);
      return true;
    }
    if (!assigned) {
      fail_and_stop("expected '=' or '{' after the key " + print_configuration_key(parts) + ", found " +
                    found());
      return false;
    }
    auto read = value(0);
    if (!read) {
      // A word that is no value is told and passed over; the rest of the file is still worth reading.
      skip_entry();
      return false;
    }
    auto group = descend(parts, parts.size() - 1, where);
    if (!group)
      return false;
    auto& node = *group->node;
    const auto [place, added] = node.index_.try_emplace(parts.back(), node.children.size());
    if (!added) {
      const auto& other = node.children[place->second];
      fail_at(where, "the key " + print_configuration_key_part(parts.back()) + " stands here again, first " +
                         (other.value ? "set" : "used as a group") + " in line " +
                         std::to_string(other.where.line) + "; expected it once");
      return false;
    }
    configuration_node child;
    child.name = parts.back();
    child.where = where;
    child.value = std::move(read);
    node.children.push_back(std::move(child));
    return false;
  }

  /// Finds or makes the groups named by the first `count` parts below the innermost open group. Pointers to
  /// nodes stay valid: only the innermost open group's descendants are added to.
  std::optional<open_group> descend(const std::vector<std::string>& parts, std::size_t count,
                                    configuration_location where) {
    auto group = groups_.back();
    if (group.depth + count > configuration_bounds::depth) {
      fail_and_stop("expected groups nested at most " + std::to_string(configuration_bounds::depth) +
                    " deep");
      return std::nullopt;
    }
    for (std::size_t i = 0; i < count; ++i) {
      const auto [place, added] = group.node->index_.try_emplace(parts[i], group.node->children.size());
      if (added) {
        configuration_node child;
        child.name = parts[i];
        child.where = where;
        group.node->children.push_back(std::move(child));
      }
      auto& child = group.node->children[place->second];
      if (child.value) {
        fail_at(where, print_configuration_key_part(parts[i]) + " is a group here but has a value in line " +
                           std::to_string(child.where.line) + "; expected one or the other");
        stopped_ = true;
        return std::nullopt;
      }
      group.node = &child;
      ++group.depth;
    }
    return group;
  }

  bool key(std::vector<std::string>& parts) {
    while (true) {
      std::string part;
      if (at_end() || (!is_key_character(peek()) && peek() != '"' && peek() != '\'')) {
        fail("expected a key, found " + found());
        return false;
      }
      if (peek() == '"' || peek() == '\'') {
        if (!quoted(part))
          return false;
      } else {
        while (position_ < text_.size() && is_key_character(peek()))
          part += text_[position_++];
      }
      if (part.size() > configuration_bounds::key_bytes || parts.size() > configuration_bounds::depth) {
        fail("expected a key of at most " + std::to_string(configuration_bounds::key_bytes) +
             " bytes a part and " + std::to_string(configuration_bounds::depth) + " parts");
        return false;
      }
      parts.push_back(std::move(part));
      const auto after = position_;
      skip_blanks();
      if (position_ >= text_.size() || peek() != '.') {
        position_ = after;
        return true;
      }
      ++position_;
    }
  }

  bool quoted(std::string& result) {
    const auto start = here();
    const char mark = text_[position_++];
    while (position_ < text_.size() && peek() != mark) {
      char c = peek();
      if (c == '\\') {
        ++position_;
        const char escaped = position_ < text_.size() ? peek() : '\0';
        if (escaped == 'n')
          c = '\n';
        else if (escaped == 'r')
          c = '\r';
        else if (escaped == 't')
          c = '\t';
        else if (escaped == '\\' || escaped == mark)
          c = escaped;
        else {
          fail("expected one of the escapes \\n, \\r, \\t, \\\\ and \\" + std::string(1, mark) +
               " in the string, found " + found());
          return false;
        }
      } else if (is_control(c) && c != '\t') {
        fail("expected " + std::string(1, mark) + " to end the string that began in line " +
             std::to_string(start.line) + ", found " + found());
        return false;
      }
      result += c;
      ++position_;
    }
    if (position_ >= text_.size()) {
      fail("expected " + std::string(1, mark) + " to end the string that began in line " +
           std::to_string(start.line) + ", found the end of the text");
      return false;
    }
    ++position_;
    return true;
  }

  /// Reads a value. A string or list that does not end stops everything; a bad word is only passed over.
  std::optional<configuration_value> value(std::size_t depth) {
    if (at_end()) {
      fail("expected a value, found " + found());
      return std::nullopt;
    }
    if (peek() == '"' || peek() == '\'') {
      std::string text;
      if (!quoted(text)) {
        stopped_ = true;
        return std::nullopt;
      }
      return configuration_value{std::move(text)};
    }
    if (peek() == '[')
      return list(depth + 1);
    const auto start = position_;
    const auto where = here();
    while (position_ < text_.size() && !ends_word(peek()))
      ++position_;
    if (position_ == start) {
      fail("expected a value, found " + found());
      if (peek() != '\n' && peek() != '\r' && peek() != '}' && peek() != '#')
        stopped_ = true;
      return std::nullopt;
    }
    std::string error;
    auto result = parse_configuration_word(text_.substr(start, position_ - start), error);
    if (!result)
      fail_at(where, std::move(error));
    return result;
  }

  std::optional<configuration_value> list(std::size_t depth) {
    const auto start = here();
    ++position_;
    if (depth > configuration_bounds::depth) {
      fail_and_stop("expected lists nested at most " + std::to_string(configuration_bounds::depth) + " deep");
      return std::nullopt;
    }
    configuration_list values;
    while (true) {
      skip_space();
      if (!at_end() && peek() == ']')
        break;
      if (position_ >= text_.size()) {
        fail_and_stop("expected ']' for the list that began in line " + std::to_string(start.line) +
                      ", found the end of the text");
        return std::nullopt;
      }
      if (++list_values_ > configuration_bounds::list_values) {
        fail_and_stop("expected at most " + std::to_string(configuration_bounds::list_values) +
                      " values in lists");
        return std::nullopt;
      }
      auto next = value(depth);
      if (!next) {
        stopped_ = true;
        return std::nullopt;
      }
      values.push_back(std::move(*next));
      skip_space();
      if (!at_end() && peek() == ',') {
        ++position_;
      } else if (position_ < text_.size() && peek() != ']') {
        fail_and_stop("expected ',' or ']' in the list that began in line " + std::to_string(start.line) +
                      ", found " + found());
        return std::nullopt;
      }
    }
    ++position_;
    return configuration_value{std::move(values)};
  }

  std::string_view text_;
  std::size_t position_ = 0;
  std::size_t line_ = 1;
  std::size_t line_start_ = 0;
  std::size_t list_values_ = 0;
  bool stopped_ = false;
  std::vector<open_group> groups_;
  configuration_document document_;
};

const configuration_node* configuration_node::find(const std::string& child) const {
  const auto place = index_.find(child);
  return place == index_.end() ? nullptr : &children[place->second];
}

bool configuration_node::same_content(const configuration_node& other) const {
  if (name != other.name || value != other.value || children.size() != other.children.size())
    return false;
  for (std::size_t i = 0; i < children.size(); ++i) {
    if (!children[i].same_content(other.children[i]))
      return false;
  }
  return true;
}

configuration_document parse_configuration(std::string_view text) {
  return configuration_parser(text).document();
}

std::optional<configuration_value> parse_configuration_value(std::string_view text, std::string& error) {
  return configuration_parser(text).single_value(error);
}

std::vector<std::string> parse_configuration_key(std::string_view text, std::string& error) {
  return configuration_parser(text).single_key(error);
}

} // namespace workspace_supervisor
