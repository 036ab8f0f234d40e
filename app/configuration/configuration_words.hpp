#pragma once

#include "app/configuration/configuration_file.hpp"

namespace workspace_supervisor {

/// Reads a value that stands without quotes: a boolean, an integer, a real or a timespan.
/// @returns the value, or none and in `error` what was expected and found.
std::optional<configuration_value> parse_configuration_word(std::string_view word, std::string& error);

} // namespace workspace_supervisor
