#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace workspace_supervisor {

/// Text of others for a terminal: one line, in which control characters, marks that turn the direction of
/// writing and bytes that are no UTF-8 stand as escapes.
std::string safe_text(std::string_view text);

/// At most so many characters; a longer text ends in "…". Of a text that is safe already.
std::string shortened(const std::string& text, std::size_t most);

/// "12 s", "3 min 5 s", "2 h 10 min", "4 d 3 h".
std::string duration_text(double seconds);

/// "40 µs", "3.2 ms", "1.40 s"; "-" for 0.
std::string latency_text(double seconds);

/// A heading and rows of cells, in columns two spaces apart; a column whose heading begins with '>' is set
/// to the right. `indent`: spaces before each line.
class text_table {
public:
  explicit text_table(std::vector<std::string> headings, std::size_t indent = 0);
  void add(std::vector<std::string> cells);
  std::string text() const;

private:
  std::vector<std::vector<std::string>> rows_;
  std::vector<bool> right_;
  std::size_t indent_;
};

} // namespace workspace_supervisor
