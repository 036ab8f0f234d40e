#include "tests/system/harness.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <functional>
#include <sys/stat.h>
#include <thread>

namespace workspace_supervisor {
namespace {

system_options quiet() {
  system_options options;
  options.adjust = only_when_asked;
  return options;
}

/// Started, its first beat and poll over.
struct token_system : system_under_test {
  explicit token_system(const std::function<void(system_under_test&)>& prepare = {})
      : system_under_test(quiet()) {
    if (prepare)
      prepare(*this);
    start();
    EXPECT_TRUE(wait_until([this] { return probe().last_delivered.load() > 0; }));
    EXPECT_TRUE(poll().succeeded);
  }
  std::size_t beats_asked() { return count(request_class::beat); }
  std::vector<recorded_request> beats_since(std::size_t before) {
    auto all = platform().requests(request_class::beat);
    return {all.begin() + static_cast<std::ptrdiff_t>(before), all.end()};
  }
};

TEST(token, refresh_picks_up_a_rotated_token) {
  token_system system;
  EXPECT_EQ(system.token(), "token-of-ws-a");
  write_content(system.token_file(), "rotated\n");
  EXPECT_EQ(system.refresh(), "rotated");
  EXPECT_EQ(system.token(), "rotated");
}

TEST(token, refresh_gives_none_when_the_file_is_missing) {
  auto options = quiet();
  options.write_tokens = false;
  system_under_test system{options};
  system.start();
  EXPECT_EQ(system.refresh(), "");
  EXPECT_EQ(system.token(), "");
}

TEST(token, refresh_drops_a_stale_token_when_the_file_has_disappeared) {
  token_system system;
  std::filesystem::remove(system.token_file());
  EXPECT_EQ(system.refresh(), "");
  EXPECT_EQ(system.token(), "");
  EXPECT_FALSE(system.probe().token_present.load());
}

TEST(token, refresh_is_idempotent) {
  token_system system;
  write_content(system.token_file(), "rotated");
  for (int time = 0; time < 3; ++time)
    EXPECT_EQ(system.refresh(), "rotated");
  EXPECT_EQ(system.token(), "rotated");
}

TEST(token, refused_request_is_repeated_with_the_token_from_disk) {
  // Through a link that nobody watches, so that the refusal alone tells of the new one. It is there from the
  // start: a word of the watch about its making would have the token read again later, at any moment.
  std::string linked;
  token_system system{[&linked](system_under_test& made) {
    linked = made.configs_dir() + "/elsewhere/token";
    std::filesystem::create_directory(made.configs_dir() + "/elsewhere");
    write_content(linked, "token-of-ws-a");
    std::filesystem::remove(made.token_file());
    std::filesystem::create_symlink("elsewhere/token", made.token_file());
  }};
  ASSERT_EQ(system.refresh(), "token-of-ws-a");
  const auto before = system.beats_asked();
  write_content(linked, "rotated");
  system.platform().set_token("ws-a", "rotated");
  const auto outcome = system.beat();
  EXPECT_TRUE(outcome.delivered) << outcome.error;
  const auto beats = system.beats_since(before);
  ASSERT_EQ(beats.size(), 2u);
  EXPECT_EQ(beats[0].header("Authorization"), "Bearer token-of-ws-a");
  EXPECT_EQ(beats[1].header("Authorization"), "Bearer rotated");
  EXPECT_EQ(beats[0].body, beats[1].body) << "it is the same request";
}

TEST(token, stale_token_on_disk_costs_two_requests_an_attempt_and_no_more) {
  token_system system;
  system.platform().rotate_token("ws-a", false); // nobody writes the new one to the file
  for (int attempt = 0; attempt < 3; ++attempt) {
    const auto before = system.beats_asked();
    const auto outcome = system.beat();
    EXPECT_FALSE(outcome.delivered);
    EXPECT_EQ(outcome.status, 401);
    EXPECT_EQ(system.beats_asked() - before, 2u);
  }
  EXPECT_EQ(system.probe().status.load(), workspace_status::unauthorized);
}

TEST(token, request_without_a_token_is_not_repeated) {
  token_system system;
  std::filesystem::remove(system.token_file());
  ASSERT_EQ(system.refresh(), "");
  const auto before = system.beats_asked();
  EXPECT_FALSE(system.beat().delivered);
  const auto beats = system.beats_since(before);
  ASSERT_EQ(beats.size(), 1u);
  EXPECT_EQ(beats[0].header("Authorization"), "");
}

TEST(token, every_kind_of_request_is_repeated_once_after_a_401) {
  token_system system;
  for (const auto kind :
       {request_class::delegations, request_class::workspace, request_class::a2a, request_class::notify})
    system.platform().order(answer_status(401, kind, 1));
  const auto polls = system.count(request_class::delegations);
  system.add_result("delegation-1");
  EXPECT_TRUE(system.poll().succeeded);
  EXPECT_EQ(system.count(request_class::delegations) - polls, 2u);
  ASSERT_TRUE(system.wait_for_event("self-message.delivered"));
  ASSERT_TRUE(system.wait_for_event("notification.delivered"));
  EXPECT_EQ(system.count(request_class::workspace), 2u);
  EXPECT_EQ(system.count(request_class::a2a), 2u);
  EXPECT_EQ(system.count(request_class::notify), 2u);
  const auto messages = system.platform().requests(request_class::a2a);
  EXPECT_EQ(messages[0].body, messages[1].body);
}

/// Beats fail, and the next one comes in an hour.
void have_beats_refused(token_system& system, std::string& token) {
  token = system.platform().rotate_token("ws-a", false);
  ASSERT_FALSE(system.beat().delivered);
  ASSERT_EQ(system.probe().status.load(), workspace_status::unauthorized);
}

TEST(token, new_one_in_the_file_ends_a_refusal_at_once) {
  token_system system;
  std::string token;
  have_beats_refused(system, token);
  write_content(system.token_file(), token);
  EXPECT_TRUE(system.wait_until([&] { return system.probe().status.load() == workspace_status::online; }));
}

TEST(token, new_one_that_was_saved_ends_a_refusal_at_once) {
  token_system system;
  std::string token;
  have_beats_refused(system, token);
  EXPECT_EQ(system.save_token(token), "");
  EXPECT_TRUE(system.wait_until([&] { return system.probe().status.load() == workspace_status::online; }));
}

TEST(token, new_one_that_comes_while_the_old_one_is_refused_is_tried_at_once) {
  token_system system;
  const auto token = system.platform().rotate_token("ws-a", false);
  auto late = fault(fault_action::status, request_class::beat, 2);
  late.status = 401;
  late.delay = std::chrono::milliseconds{300};
  system.platform().order(late);
  const auto before = system.beats_asked();
  std::thread asker{[&] {
    EXPECT_FALSE(system.beat().delivered);
  }};
  // The request that is repeated with the token re-read is under way.
  EXPECT_TRUE(system.platform().wait_for(request_class::beat, before + 2));
  write_content(system.token_file(), token);
  asker.join();
  EXPECT_TRUE(system.wait_until([&] { return system.probe().status.load() == workspace_status::online; }));
}

TEST(token, another_one_changes_nothing_while_beats_fail_for_another_reason) {
  token_system system;
  system.platform().order(answer_status(503, request_class::beat, 1));
  ASSERT_FALSE(system.beat().delivered);
  const auto before = system.beats_asked();
  write_content(system.token_file(), "another");
  ASSERT_TRUE(system.wait_until([&] { return system.token() == "another"; }));
  EXPECT_EQ(system.beats_asked(), before);
}

TEST(token, rotated_file_is_noticed_before_it_costs_a_refusal) {
  token_system system;
  const auto token = system.platform().rotate_token("ws-a");
  ASSERT_TRUE(system.wait_until([&] { return system.token() == token; }));
  EXPECT_TRUE(system.beat().delivered);
  EXPECT_EQ(system.platform().counts().unauthorized, 0u);
}

TEST(token, file_that_is_replaced_again_and_again_is_followed_to_its_last_content) {
  token_system system;
  for (int rotation = 0; rotation < 200; ++rotation)
    write_content(system.token_file(), "token-" + std::to_string(rotation));
  EXPECT_TRUE(system.wait_until([&] { return system.token() == "token-199"; }));
}

TEST(token, token_that_appears_later_is_used) {
  auto options = quiet();
  options.write_tokens = false;
  system_under_test system{options};
  system.start();
  EXPECT_FALSE(system.beat().delivered);
  ASSERT_TRUE(system.platform().write_token_file("ws-a"));
  EXPECT_TRUE(system.wait_until([&] { return system.token() == "token-of-ws-a"; }));
  EXPECT_TRUE(system.beat().delivered);
}

TEST(token, reason_of_an_absent_token_is_told) {
  for (const auto& [content, reason] :
       {std::pair{" \n", "empty"}, std::pair{"a\x01z", "control character"}}) {
    auto options = quiet();
    options.write_tokens = false;
    system_under_test system{options};
    write_content(system.token_file(), content);
    system.start();
    ASSERT_TRUE(system.wait_for_event("token.missing"));
    EXPECT_NE(field(system.events("token.missing")[0], "reason").find(reason), std::string::npos);
    EXPECT_EQ(system.token(), "");
  }
}

TEST(token, fifo_as_token_file_hangs_nothing) {
  auto options = quiet();
  options.write_tokens = false;
  system_under_test system{options};
  ASSERT_EQ(::mkfifo(system.token_file().c_str(), 0600), 0);
  system.start();
  EXPECT_EQ(system.token(), "");
  EXPECT_EQ(system.beat().status, 401);
}

TEST(token, saved_token_is_on_disk_and_in_use) {
  token_system system;
  system.platform().set_token("ws-a", "saved");
  EXPECT_EQ(system.save_token("saved"), "");
  EXPECT_EQ(content_of(system.token_file()), "saved");
  EXPECT_EQ(mode_of(system.token_file()), 0600u);
  EXPECT_EQ(system.token(), "saved");
  EXPECT_TRUE(system.beat().delivered);
  EXPECT_EQ(system.platform().counts().unauthorized, 0u);
}

TEST(token, saving_an_empty_token_is_refused) {
  token_system system;
  EXPECT_NE(system.save_token(" \n"), "");
  EXPECT_EQ(system.token(), "token-of-ws-a");
}

TEST(token, saving_the_same_token_leaves_the_file_alone) {
  token_system system;
  ASSERT_EQ(system.save_token("saved"), "");
  struct ::stat before = {};
  struct ::stat after = {};
  ASSERT_EQ(::stat(system.token_file().c_str(), &before), 0);
  ASSERT_EQ(system.save_token("saved"), "");
  ASSERT_EQ(::stat(system.token_file().c_str(), &after), 0);
  EXPECT_EQ(before.st_ino, after.st_ino);
}

TEST(token, saving_trims_white_space) {
  token_system system;
  ASSERT_EQ(system.save_token("  saved \n"), "");
  EXPECT_EQ(system.token(), "saved");
}

TEST(token, failed_save_says_why_and_not_the_token) {
  token_system system;
  std::filesystem::rename(system.configs_dir(), system.configs_dir() + ".away");
  const auto error = system.save_token("a-secret");
  EXPECT_NE(error, "");
  EXPECT_EQ(error.find("a-secret"), std::string::npos);
}

TEST(token, crash_of_its_actor_loses_no_token) {
  token_system system;
  ASSERT_TRUE(system.crash("token"));
  EXPECT_EQ(system.token(), "token-of-ws-a");
  EXPECT_TRUE(system.beat().delivered);
}

TEST(token, each_crash_of_its_actor_is_followed_by_a_restart) {
  token_system system;
  for (std::uint64_t restart = 1; restart <= 4; ++restart) {
    ASSERT_TRUE(system.crash("token"));
    EXPECT_EQ(system.actor("token").restarts(), restart);
    EXPECT_EQ(system.token(), "token-of-ws-a");
  }
}

} // namespace
} // namespace workspace_supervisor
