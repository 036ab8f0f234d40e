#pragma once

#include "actors/store/result_store.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <string>
#include <unistd.h>
#include <vector>

namespace workspace_supervisor {

/// A folder that goes away with the test.
class temporary_folder {
public:
  /// @param in_memory on a file system without a disk where there is one: for runs that only count syncs.
  explicit temporary_folder(bool in_memory = false) {
    const std::filesystem::path memory = "/dev/shm";
    auto parent =
        in_memory && ::access(memory.c_str(), W_OK) == 0 ? memory : std::filesystem::temp_directory_path();
    auto name = (parent / "result-store-XXXXXX").string();
    if (!::mkdtemp(name.data()))
      throw std::filesystem::filesystem_error("mkdtemp", name,
                                              std::error_code{errno, std::generic_category()});
    path_ = name;
  }
  ~temporary_folder() {
    std::error_code ignored;
    std::filesystem::permissions(path_, std::filesystem::perms::owner_all, ignored);
    std::filesystem::remove_all(path_, ignored);
  }
  temporary_folder(const temporary_folder&) = delete;
  temporary_folder& operator=(const temporary_folder&) = delete;

  const std::string& path() const { return path_; }
  std::string operator/(const std::string& name) const { return path_ + '/' + name; }

private:
  std::string path_;
};

constexpr double start_time = 1'800'000'000; // seconds since the epoch

inline delegation_result make_result(const std::string& id, double created_at = start_time) {
  return {
      id, "target-1", "source-1", "completed", "summary of " + id, "own summary of " + id, "preview of " + id,
      "", created_at};
}

inline poll_record make_poll(std::vector<delegation_result> results, const std::string& workspace = "ws-1") {
  poll_record poll;
  poll.workspace = workspace;
  poll.results = std::move(results);
  for (const auto& result : poll.results)
    poll.listed.push_back(result_key(result.delegation_id, result.status));
  poll.answered_at = start_time;
  poll.backlog = 3600;
  return poll;
}

inline std::vector<delegation_result> make_results(int first, int count) {
  std::vector<delegation_result> results;
  for (int number = first; number < first + count; ++number)
    results.push_back(make_result("delegation-" + std::to_string(number)));
  return results;
}

inline std::vector<std::int64_t> seqs_of(const std::vector<stored_result>& results) {
  std::vector<std::int64_t> seqs;
  for (const auto& stored : results)
    seqs.push_back(stored.seq);
  return seqs;
}

inline std::vector<std::string> ids_of(const std::vector<stored_result>& results) {
  std::vector<std::string> ids;
  for (const auto& stored : results)
    ids.push_back(stored.result.delegation_id);
  return ids;
}

inline self_message make_message(const std::string& id, std::vector<std::int64_t> seqs,
                                 double created_at = start_time) {
  return {id, "text of " + id, std::move(seqs), created_at};
}

/// Files, wakes and notifies all of a workspace.
inline void finish_all(result_store& store, const std::string& workspace = "ws-1") {
  store.mark_filed(workspace, seqs_of(store.unfiled(workspace)));
  auto box = store.pending(workspace, start_time);
  store.mark_woken(workspace, seqs_of(box.unwoken));
  store.mark_notified(workspace, seqs_of(box.unnotified));
}

} // namespace workspace_supervisor
