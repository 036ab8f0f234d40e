#pragma once

#include <boost/describe.hpp>

#include <string>

namespace workspace_supervisor {

/// The cached token, read from disk if none is cached.
struct get_token {};
BOOST_DESCRIBE_STRUCT(get_token, (), ())

/// Forget the cached token and read it again. Concurrent ones share one reading.
struct refresh_token {};
BOOST_DESCRIBE_STRUCT(refresh_token, (), ())

/// A token, or why there is none.
struct token_state {
  std::string token;  ///< empty: none
  std::string reason; ///< why there is none
};
BOOST_DESCRIBE_STRUCT(token_state, (), (token, reason))

/// Write the token to disk and use it from the next request on.
struct save_token_request {
  std::string token;
};
BOOST_DESCRIBE_STRUCT(save_token_request, (), (token))

/// Whether an operation on a file went well.
struct file_outcome {
  std::string error; ///< empty: done
};
BOOST_DESCRIBE_STRUCT(file_outcome, (), (error))

/// The file of the token was written, replaced or removed.
struct token_file_changed {};
BOOST_DESCRIBE_STRUCT(token_file_changed, (), ())

/// Requests go out with another token than before.
struct token_changed {};
BOOST_DESCRIBE_STRUCT(token_changed, (), ())

/// Read the token of this configuration directory.
struct read_token_file {
  std::string configs_dir;
};
BOOST_DESCRIBE_STRUCT(read_token_file, (), (configs_dir))

/// Replace the token of this configuration directory.
struct write_token_file {
  std::string configs_dir;
  std::string token;
};
BOOST_DESCRIBE_STRUCT(write_token_file, (), (configs_dir, token))

} // namespace workspace_supervisor
