#include "app/documents/completion_words.hpp"

#include <algorithm>

namespace workspace_supervisor {

std::vector<command_word> first_words(const documented_program& program) {
  std::vector<command_word> words;
  for (const auto& command : program.commands) {
    const auto word = command.name.substr(0, command.name.find(' '));
    auto found =
        std::find_if(words.begin(), words.end(), [&](const auto& entry) { return entry.word == word; });
    if (found == words.end())
      found = words.insert(words.end(), {word, {}, {}});
    found->commands.push_back(&command);
    found->meaning += (found->meaning.empty() ? "" : "; ") + command.meaning;
  }
  return words;
}

std::string second_word(const documented_command& command) {
  return command.name.substr(command.name.find(' ') + 1);
}

std::string joined(const std::vector<std::string>& words, const std::string& between) {
  std::string text;
  for (const auto& word : words)
    text += (text.empty() ? "" : between) + word;
  return text;
}

std::string replaced(std::string text, const std::string& what, const std::string& by) {
  for (std::size_t place = 0; (place = text.find(what, place)) != std::string::npos; place += by.size())
    text.replace(place, what.size(), by);
  return text;
}

} // namespace workspace_supervisor
