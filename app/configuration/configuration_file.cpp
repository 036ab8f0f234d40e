#include "app/configuration/configuration_file.hpp"

#include "app/configuration/configuration_scanner.hpp"
#include "app/configuration/configuration_words.hpp"

#include <utility>

namespace workspace_supervisor {

/// Builds the document from what the scanner takes off the text. Groups are kept on a stack of our own; lists
/// recurse, at most `depth` deep.
class configuration_parser {
public:
  explicit configuration_parser(std::string_view text)
      : scan_(text) {}

  configuration_document document() {
    entries();
    document_.errors = std::move(scan_.errors());
    return std::move(document_);
  }

  std::optional<configuration_value> single_value(std::string& error) {
    scan_.skip_blanks();
    auto result = value(0);
    scan_.skip_blanks();
    if (result && !scan_.text_ended())
      scan_.fail("expected the end of the value, found " + scan_.found());
    if (!scan_.errors().empty()) {
      error = scan_.errors().front().message;
      result.reset();
    }
    return result;
  }

  std::vector<std::string> single_key(std::string& error) {
    std::vector<std::string> parts;
    if (scan_.take_key(parts) && !scan_.text_ended())
      scan_.fail("expected the end of the key, found " + scan_.found());
    if (!scan_.errors().empty()) {
      error = scan_.errors().front().message;
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

  void entries() {
    groups_.push_back({&document_.root, 0, {}});
    scan_.skip_space();
    // CAF takes a file that is one pair of braces.
    if (scan_.sees('{')) {
      groups_.push_back({&document_.root, 0, scan_.here()});
      scan_.skip();
    }
    bool separated = true;     // a line end, a comma or a brace went before
    bool may_separate = false; // an entry went before that no comma has ended yet
    while (true) {
      separated |= scan_.skip_space();
      if (scan_.at_end())
        break;
      const char c = scan_.peek();
      if (c == '}' && groups_.size() > 1) {
        scan_.skip();
        groups_.pop_back();
        separated = true;
        may_separate = true;
      } else if (c == ',' && may_separate) {
        scan_.skip();
        separated = true;
        may_separate = false;
      } else if (!scan_.sees_key()) {
        scan_.fail_and_stop("expected a key" + std::string(groups_.size() > 1 ? " or '}'" : "") + ", found " +
                            scan_.found());
      } else if (!separated) {
        scan_.fail("expected a new line or ',' before the next key, found " + scan_.found());
        scan_.skip_entry();
      } else {
        const bool opened = entry();
        separated = opened;
        may_separate = !opened;
      }
    }
    if (!scan_.stopped() && groups_.size() > 1)
      scan_.fail("expected '}' for the group opened in line " + std::to_string(groups_.back().where.line) +
                 ", found the end of the text");
  }

  /// @returns whether it opened a group.
  bool entry() {
    const auto where = scan_.here();
    std::vector<std::string> parts;
    if (!scan_.take_key(parts)) {
      scan_.stop();
      return false;
    }
    scan_.skip_blanks();
    const bool assigned = scan_.sees('=') || scan_.sees(':');
    if (assigned) {
      scan_.skip();
      scan_.skip_blanks();
    }
    if (scan_.sees('{')) {
      const auto brace = scan_.here();
      scan_.skip();
      auto group = descend(parts, parts.size(), where);
      if (!group)
        return false;
      group->where = brace;
      groups_.push_back(*group);
      return true;
    }
    if (!assigned) {
      scan_.fail_and_stop("expected '=' or '{' after the key " + print_configuration_key(parts) + ", found " +
                          scan_.found());
      return false;
    }
    auto read = value(0);
    if (!read) {
      // A word that is no value is told and passed over; the rest of the file is still worth reading.
      scan_.skip_entry();
      return false;
    }
    auto group = descend(parts, parts.size() - 1, where);
    if (!group)
      return false;
    auto& node = *group->node;
    const auto [place, added] = node.index_.try_emplace(parts.back(), node.children.size());
    if (!added) {
      const auto& other = node.children[place->second];
      scan_.fail_at(where, "the key " + print_configuration_key_part(parts.back()) +
                               " stands here again, first " + (other.value ? "set" : "used as a group") +
                               " in line " + std::to_string(other.where.line) + "; expected it once");
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
      scan_.fail_and_stop("expected groups nested at most " + std::to_string(configuration_bounds::depth) +
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
        scan_.fail_at(where, print_configuration_key_part(parts[i]) +
                                 " is a group here but has a value in line " +
                                 std::to_string(child.where.line) + "; expected one or the other");
        scan_.stop();
        return std::nullopt;
      }
      group.node = &child;
      ++group.depth;
    }
    return group;
  }

  /// Reads a value. A string or list that does not end stops everything; a bad word is only passed over.
  std::optional<configuration_value> value(std::size_t depth) {
    if (scan_.at_end()) {
      scan_.fail("expected a value, found " + scan_.found());
      return std::nullopt;
    }
    if (scan_.peek() == '"' || scan_.peek() == '\'') {
      std::string text;
      if (!scan_.take_string(text)) {
        scan_.stop();
        return std::nullopt;
      }
      return configuration_value{std::move(text)};
    }
    if (scan_.peek() == '[')
      return list(depth + 1);
    const auto where = scan_.here();
    const auto word = scan_.take_word();
    if (word.empty()) {
      scan_.fail("expected a value, found " + scan_.found());
      if (scan_.peek() != '\n' && scan_.peek() != '\r' && scan_.peek() != '}' && scan_.peek() != '#')
        scan_.stop();
      return std::nullopt;
    }
    std::string error;
    auto result = parse_configuration_word(word, error);
    if (!result)
      scan_.fail_at(where, std::move(error));
    return result;
  }

  std::optional<configuration_value> list(std::size_t depth) {
    const auto start = scan_.here();
    scan_.skip();
    if (depth > configuration_bounds::depth) {
      scan_.fail_and_stop("expected lists nested at most " + std::to_string(configuration_bounds::depth) +
                          " deep");
      return std::nullopt;
    }
    configuration_list values;
    while (true) {
      scan_.skip_space();
      if (scan_.sees(']'))
        break;
      if (scan_.text_ended()) {
        scan_.fail_and_stop("expected ']' for the list that began in line " + std::to_string(start.line) +
                            ", found the end of the text");
        return std::nullopt;
      }
      if (++list_values_ > configuration_bounds::list_values) {
        scan_.fail_and_stop("expected at most " + std::to_string(configuration_bounds::list_values) +
                            " values in lists");
        return std::nullopt;
      }
      auto next = value(depth);
      if (!next) {
        scan_.stop();
        return std::nullopt;
      }
      values.push_back(std::move(*next));
      scan_.skip_space();
      if (scan_.sees(',')) {
        scan_.skip();
      } else if (!scan_.text_ended() && scan_.peek() != ']') {
        scan_.fail_and_stop("expected ',' or ']' in the list that began in line " +
                            std::to_string(start.line) + ", found " + scan_.found());
        return std::nullopt;
      }
    }
    scan_.skip();
    return configuration_value{std::move(values)};
  }

  configuration_scanner scan_;
  std::size_t list_values_ = 0;
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
  if (text.size() > configuration_bounds::bytes) {
    configuration_document document;
    document.errors.push_back({{1, 1},
                               "expected at most " + std::to_string(configuration_bounds::bytes) +
                                   " bytes, found " + std::to_string(text.size())});
    return document;
  }
  constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF"; // as some editors leave it
  if (text.starts_with(byte_order_mark))
    text.remove_prefix(byte_order_mark.size());
  return configuration_parser(text).document();
}

std::optional<configuration_value> parse_configuration_value(std::string_view text, std::string& error) {
  return configuration_parser(text).single_value(error);
}

std::vector<std::string> parse_configuration_key(std::string_view text, std::string& error) {
  return configuration_parser(text).single_key(error);
}

} // namespace workspace_supervisor
