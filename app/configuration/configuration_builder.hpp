#pragma once

#include "app/configuration/configuration.hpp"
#include "app/configuration/configuration_keys.hpp"

#include <map>
#include <set>
#include <string>
#include <vector>

// How a configuration is put together; used by configuration*.cpp alone.

namespace workspace_supervisor {

/// A value that was set or is the default.
struct configuration_entry {
  configuration_value value;
  configuration_origin origin;
};

/// Collects what the sources say (in rising precedence) and makes the result of it.
class configuration_builder {
public:
  explicit configuration_builder(const configuration_sources& sources)
      : sources_(sources) {}
  configuration_result build();

private:
  // Reading.
  void scan_arguments();
  void scan_option(const std::string& argument);
  void read_file();
  void read_group(const configuration_node& group, std::vector<std::string>& path, const std::string& file);
  void read_environment();
  void read_arguments();
  void assign(const std::vector<std::string>& parts, configuration_value value, configuration_origin origin);
  void add_workspace_id(const std::string& id, const configuration_origin& origin);
  void unknown_key(const std::vector<std::string>& parts, const configuration_origin& origin);

  // Making the settings.
  void apply_table();
  void make_workspaces();
  void make_state_and_socket();
  void resolve_agent_user();
  void list_effective();

  // Checks that need more than one value, or the system (configuration_checks.cpp).
  void check_agent_command();
  void check_required_of_workspace();
  void check_workspace_clashes();
  void check_sockets();
  void check_ca_file();
  void check_relations();
  void check_dev();
  void warn_of_proxies();

  /// The entry of a key, or nullptr.
  const configuration_entry* entry(const std::string& key) const;
  /// The text of a key's entry, or "".
  std::string text_of(const std::string& key) const;
  configuration_origin origin_of(const std::string& key) const;
  bool is_given(const std::string& key) const;
  /// Stores a default that depends on others.
  void set_default(const std::string& key, configuration_value value);
  bool is_faulty(const std::string& key) const { return faulty_.contains(key); }
  void error(const configuration_origin& origin, const std::string& key, std::string message,
             std::string suggestion = {});

  const configuration_sources& sources_;
  configuration_result result_;
  std::vector<std::string> key_arguments_;          ///< those of the form --KEY=VALUE
  std::optional<std::vector<std::string>> command_; ///< all after "--"
  std::optional<std::string> config_file_;
  std::map<std::string, configuration_entry> values_;     ///< by key in the file's syntax
  std::map<std::string, std::vector<std::string>> parts_; ///< parts of the keys of `values_`
  std::map<std::string, configuration_origin>
      workspace_ids_;            ///< below `workspaces`, with where each appears first
  std::set<std::string> faulty_; ///< keys with an error of their own: no second one for their lack
  bool unreadable_ = false;      ///< the file has syntax errors: what is missing may be in the rest
};

} // namespace workspace_supervisor
