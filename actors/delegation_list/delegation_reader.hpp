#pragma once

#include "messages/delegation.hpp"

#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace workspace_supervisor {

/// The texts of one row, valid UTF-8; what is missing or no string is empty. Of a key that comes twice the
/// last value counts, as with most readers.
struct delegation_row {
  delegation_result result; ///< without what other rows or the clock say
  std::string created_at;
};

/// How deep an answer may be nested, its own array included: a row's fields are texts, so all of it is slack.
constexpr std::size_t deepest_delegation_answer = 64;

/// Reads the JSON array of `body` and hands each element to `take`, none for an element that is no object.
/// Takes time and memory in proportion to the body.
/// @returns false with `error` set when the body is no JSON array or nested too deep; then elements may have
/// been taken already.
bool read_delegation_rows(std::string_view body,
                          const std::function<void(std::optional<delegation_row>)>& take, std::string& error);

} // namespace workspace_supervisor
