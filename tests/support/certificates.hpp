#pragma once

#include <string>

namespace workspace_supervisor {

/// PEM files of a certificate (with its chain) and its key.
struct certificate_files {
  std::string certificate;
  std::string key;
};

/// A certificate authority of its own, and what it has issued.
struct test_certificates {
  std::string ca_file;
  certificate_files good;        ///< for localhost, 127.0.0.1 and ::1
  certificate_files expired;     ///< the same, its time over since yesterday
  certificate_files wrong_host;  ///< for elsewhere.example alone
  certificate_files self_signed; ///< for localhost and 127.0.0.1, by nobody but itself
  certificate_files other_ca;    ///< for localhost and 127.0.0.1, by an authority that is not in `ca_file`
};

/// Makes them and writes them into `folder`, which is there. @throws std::runtime_error
test_certificates make_certificates(const std::string& folder);

} // namespace workspace_supervisor
