#include "app/spelling/spelling.hpp"

#include <algorithm>

namespace workspace_supervisor {

std::size_t edit_distance(std::string_view left, std::string_view right) {
  // Rows of the usual table, the last three of them: a swap looks back two.
  std::vector<std::size_t> before(right.size() + 1), previous(right.size() + 1), current(right.size() + 1);
  for (std::size_t j = 0; j <= right.size(); ++j)
    previous[j] = j;
  for (std::size_t i = 1; i <= left.size(); ++i) {
    current[0] = i;
    for (std::size_t j = 1; j <= right.size(); ++j) {
      const std::size_t replaced = previous[j - 1] + (left[i - 1] == right[j - 1] ? 0 : 1);
      current[j] = std::min({previous[j] + 1, current[j - 1] + 1, replaced});
      if (i > 1 && j > 1 && left[i - 1] == right[j - 2] && left[i - 2] == right[j - 1])
        current[j] = std::min(current[j], before[j - 2] + 1);
    }
    std::swap(before, previous);
    std::swap(previous, current);
  }
  return previous[right.size()];
}

std::size_t spelling_tolerance(std::string_view written) {
  return std::max<std::size_t>(2, written.size() / 3);
}

std::optional<std::string> nearest_word(std::string_view written, const std::vector<std::string>& words) {
  constexpr std::size_t longest_compared = 300;
  if (written.size() > longest_compared)
    return std::nullopt;
  std::optional<std::string> nearest;
  std::size_t distance = spelling_tolerance(written) + 1;
  for (const auto& word : words) {
    // Each character that one has more is a step.
    if (std::max(word.size(), written.size()) - std::min(word.size(), written.size()) >= distance)
      continue;
    if (const auto candidate = edit_distance(written, word); candidate < distance) {
      distance = candidate;
      nearest = word;
    }
  }
  return nearest;
}

} // namespace workspace_supervisor
