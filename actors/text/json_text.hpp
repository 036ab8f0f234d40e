#pragma once

#include <string>
#include <string_view>

namespace workspace_supervisor {

/// Appends `text` as a JSON string in quotes, in ASCII alone: a reader that splits lines by Unicode's rules
/// (U+0085, U+2028) or decodes by its locale gets it right as well. Invalid UTF-8 becomes U+FFFD.
void append_json_string(std::string& json, std::string_view text);

/// Makes readable for Boost.JSON what JSON's grammar allows and Boost.JSON refuses: an escape of half a
/// surrogate pair. JavaScript writes one for a text that was cut within a character.
/// @returns `json`, or `buffer` with a copy in which each half is "\ufffd". Both must outlive what is
/// returned.
std::string_view replace_half_surrogates(std::string_view json, std::string& buffer);

} // namespace workspace_supervisor
