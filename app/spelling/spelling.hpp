#pragma once

// The room of spelling: the nearest known word to a misspelt one.

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace workspace_supervisor {

// What may have been meant by a misspelt word.

/// Number of insertions, deletions, replacements and swaps of neighbours between two texts.
std::size_t edit_distance(std::string_view left, std::string_view right);

/// How far (by edit_distance) a suggestion may be from what was written.
std::size_t spelling_tolerance(std::string_view written);

/// The word nearest to `written`, the first of equally near ones; none when all are too far from it.
std::optional<std::string> nearest_word(std::string_view written, const std::vector<std::string>& words);

} // namespace workspace_supervisor
