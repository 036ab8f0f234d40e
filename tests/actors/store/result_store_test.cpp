#include "tests/actors/store/result_store_scenario.hpp"

#include <algorithm>
#include <cmath>
#include <stdexcept>

namespace workspace_supervisor {

namespace {

/// What both stores do; the durable one is reopened before each look, so that what is seen came from the
/// disk.
class result_store_test : public testing::TestWithParam<bool> {
protected:
  result_store_test() { open(); }

  void open() {
    store_.reset();
    store_ = GetParam() ? make_durable_store(folder_.path()) : make_memory_store();
  }
  result_store& store() {
    if (GetParam())
      open();
    return *store_;
  }

private:
  temporary_folder folder_;
  std::unique_ptr<result_store> store_;
};

TEST_P(result_store_test, a_new_result_is_news_and_unfiled) {
  auto news = store().record(make_poll({make_result("a"), make_result("b")}), start_time);
  EXPECT_EQ(ids_of(news), (std::vector<std::string>{"a", "b"}));
  auto unfiled = store().unfiled("ws-1");
  ASSERT_EQ(seqs_of(unfiled), seqs_of(news));
  EXPECT_EQ(unfiled[0].result.summary, "summary of a");
  EXPECT_EQ(unfiled[0].result.own_summary, "own summary of a");
  EXPECT_EQ(unfiled[0].result.response_preview, "preview of a");
  EXPECT_EQ(unfiled[0].result.target_id, "target-1");
  EXPECT_EQ(unfiled[0].result.source_id, "source-1");
  EXPECT_EQ(unfiled[0].result.created_at, start_time);
  EXPECT_EQ(unfiled[0].recorded_at, start_time);
}

TEST_P(result_store_test, added_workspaces_are_kept_until_they_are_forgotten) {
  const added_workspace one{"ws-1", "/configs", "/results", "http://platform.example", "/socket"};
  const added_workspace two{"ws-2", "/configs-2", "/results-2", "http://platform.example", ""};
  EXPECT_EQ(store().keep_added(two), "");
  EXPECT_EQ(store().keep_added(one), "");
  if (GetParam()) {
    const auto known = store().added();
    EXPECT_EQ(known.workspaces, (std::vector{one, two}));
    EXPECT_EQ(store().mark_leaving("ws-1"), "");
    EXPECT_EQ(store().added().leaving, (std::vector<std::string>{"ws-1"}));
    EXPECT_EQ(store().added().workspaces, (std::vector{two}));
    store().forget_workspace("ws-1");
    store().forget_added("ws-2");
    EXPECT_TRUE(store().added().leaving.empty());
    EXPECT_TRUE(store().added().workspaces.empty());
  }
  EXPECT_EQ(store().mark_leaving("unknown"), "");
  store().forget_added("unknown");
  store().forget_workspace("unknown");
}

TEST_P(result_store_test, of_a_forgotten_workspace_nothing_is_left_and_another_keeps_all) {
  for (const auto* workspace : {"ws-1", "ws-2"}) {
    const auto seqs = seqs_of(store().record(make_poll(make_results(0, 3), workspace), start_time));
    store().mark_filed(workspace, seqs);
    store().open_message(workspace, make_message(std::string{"m-"} + workspace, {seqs[0]}));
  }
  store().forget_workspace("ws-1");
  EXPECT_TRUE(store().results("ws-1", 0, 100).empty());
  EXPECT_FALSE(store().pending("ws-1", start_time).has_open_message);
  EXPECT_TRUE(store().pending("ws-1", start_time).recent_messages.empty());
  EXPECT_EQ(store().results("ws-2", 0, 100).size(), 3U);
  EXPECT_TRUE(store().pending("ws-2", start_time).has_open_message);
  // It begins anew: the same results are news again.
  EXPECT_EQ(store().record(make_poll(make_results(0, 3)), start_time).size(), 3U);
}

TEST_P(result_store_test, unfiled_results_come_within_bounds_the_first_ones_first) {
  const auto news = store().record(make_poll(make_results(0, 10)), start_time);
  result_bounds bounds;
  bounds.results = 3;
  const auto first = store().unfiled("ws-1", bounds);
  EXPECT_EQ(seqs_of(first), seqs_of({news.begin(), news.begin() + 3}));
  store().mark_filed("ws-1", seqs_of(first));
  EXPECT_EQ(seqs_of(store().unfiled("ws-1", bounds)), seqs_of({news.begin() + 3, news.begin() + 6}));
  bounds = {};
  bounds.bytes = 1; // one that is longer comes all the same
  EXPECT_EQ(store().unfiled("ws-1", bounds).size(), 1U);
}

TEST_P(result_store_test, of_what_is_pending_the_first_come_whole_and_the_others_as_numbers) {
  const auto news = store().record(make_poll(make_results(0, 10)), start_time);
  store().mark_filed("ws-1", seqs_of(news));
  result_bounds bounds;
  bounds.results = 4;
  const auto box = store().pending("ws-1", start_time, bounds);
  EXPECT_EQ(seqs_of(box.unwoken), seqs_of({news.begin(), news.begin() + 4}));
  EXPECT_EQ(box.more_unwoken, seqs_of({news.begin() + 4, news.end()}));
  EXPECT_EQ(seqs_of(box.unnotified), seqs_of({news.begin(), news.begin() + 4}));
  EXPECT_EQ(box.more_unnotified, 6);
}

TEST_P(result_store_test, long_texts_of_what_is_pending_are_cut_between_characters) {
  auto result = make_result("a");
  result.summary = "\u00e4\u00e4\u00e4"; // two bytes each
  const auto news = store().record(make_poll({result}), start_time);
  store().mark_filed("ws-1", seqs_of(news));
  result_bounds bounds;
  bounds.text = 5;
  EXPECT_EQ(store().pending("ws-1", start_time, bounds).unwoken.at(0).result.summary, "\u00e4\u00e4");
  EXPECT_EQ(store().pending("ws-1", start_time).unwoken.at(0).result.summary, result.summary);
}

TEST_P(result_store_test, a_known_result_is_no_news) {
  store().record(make_poll({make_result("a")}), start_time);
  EXPECT_TRUE(store().record(make_poll({make_result("a")}), start_time).empty());
  EXPECT_EQ(store().unfiled("ws-1").size(), 1U);
}

TEST_P(result_store_test, a_finished_result_stays_known) {
  store().record(make_poll({make_result("a")}), start_time);
  finish_all(store());
  EXPECT_TRUE(store().record(make_poll({make_result("a")}), start_time).empty());
}

TEST_P(result_store_test, one_key_twice_in_a_poll_is_one_result) {
  auto news = store().record(make_poll({make_result("a"), make_result("a")}), start_time);
  EXPECT_EQ(news.size(), 1U);
}

TEST_P(result_store_test, another_status_is_another_result) {
  store().record(make_poll({make_result("a")}), start_time);
  auto failed = make_result("a");
  failed.status = "failed";
  EXPECT_EQ(store().record(make_poll({failed}), start_time).size(), 1U);
}

TEST_P(result_store_test, workspaces_do_not_know_each_others_results) {
  store().record(make_poll({make_result("a")}, "ws-1"), start_time);
  EXPECT_EQ(store().record(make_poll({make_result("a")}, "ws-2"), start_time).size(), 1U);
}

TEST_P(result_store_test, seqs_grow_over_all_workspaces) {
  auto first = store().record(make_poll({make_result("a"), make_result("b")}, "ws-1"), start_time);
  auto second = store().record(make_poll({make_result("a")}, "ws-2"), start_time);
  EXPECT_LT(first[0].seq, first[1].seq);
  EXPECT_LT(first[1].seq, second[0].seq);
}

TEST_P(result_store_test, an_old_result_of_the_first_poll_is_history) {
  auto news = store().record(make_poll({make_result("old", start_time - 3601), make_result("new"),
                                        make_result("undated", 0), make_result("edge", start_time - 3600)}),
                             start_time);
  EXPECT_EQ(ids_of(news), (std::vector<std::string>{"new", "undated", "edge"}));
  EXPECT_TRUE(store().record(make_poll({make_result("old", start_time - 3601)}), start_time).empty());
  EXPECT_EQ(ids_of(store().results("ws-1", 0, 10)), (std::vector<std::string>{"new", "undated", "edge"}));
}

TEST_P(result_store_test, an_old_result_of_a_later_poll_is_news) {
  store().record(make_poll({}), start_time);
  EXPECT_EQ(store().record(make_poll({make_result("old", start_time - 9999)}), start_time).size(), 1U);
}

TEST_P(result_store_test, the_first_poll_is_each_workspaces_own) {
  store().record(make_poll({}, "ws-1"), start_time);
  EXPECT_TRUE(store().record(make_poll({make_result("old", 1)}, "ws-2"), start_time).empty());
}

TEST_P(result_store_test, a_filed_result_waits_to_be_woken_and_notified) {
  auto seqs = seqs_of(store().record(make_poll({make_result("a"), make_result("b")}), start_time));
  EXPECT_TRUE(store().pending("ws-1", start_time).unwoken.empty());
  store().mark_filed("ws-1", {seqs[0]});
  EXPECT_EQ(seqs_of(store().unfiled("ws-1")), std::vector{seqs[1]});
  auto box = store().pending("ws-1", start_time);
  EXPECT_EQ(seqs_of(box.unwoken), std::vector{seqs[0]});
  EXPECT_EQ(seqs_of(box.unnotified), std::vector{seqs[0]});
  EXPECT_FALSE(box.has_open_message);
}

TEST_P(result_store_test, notified_and_woken_are_steps_of_their_own) {
  auto seqs = seqs_of(store().record(make_poll({make_result("a"), make_result("b")}), start_time));
  store().mark_filed("ws-1", seqs);
  store().mark_notified("ws-1", {seqs[0]});
  store().mark_woken("ws-1", {seqs[1]});
  auto box = store().pending("ws-1", start_time);
  EXPECT_EQ(seqs_of(box.unwoken), std::vector{seqs[0]});
  EXPECT_EQ(seqs_of(box.unnotified), std::vector{seqs[1]});
}

TEST_P(result_store_test, an_open_message_keeps_its_text_and_results) {
  auto seqs = seqs_of(store().record(make_poll(make_results(0, 3)), start_time));
  store().mark_filed("ws-1", seqs);
  store().open_message("ws-1", make_message("m-1", {seqs[0], seqs[1]}));
  auto box = store().pending("ws-1", start_time);
  ASSERT_TRUE(box.has_open_message);
  EXPECT_EQ(box.open_message.message_id, "m-1");
  EXPECT_EQ(box.open_message.text, "text of m-1");
  EXPECT_EQ(box.open_message.seqs, (std::vector{seqs[0], seqs[1]}));
  EXPECT_EQ(box.open_message.created_at, start_time);
  EXPECT_EQ(seqs_of(box.unwoken), std::vector{seqs[2]});
  EXPECT_EQ(box.unnotified.size(), 3U);
}

TEST_P(result_store_test, a_second_open_message_is_a_bug) {
  store().open_message("ws-1", make_message("m-1", {}));
  EXPECT_THROW(store().open_message("ws-1", make_message("m-2", {})), std::logic_error);
}

TEST_P(result_store_test, a_message_counts_for_the_hour_from_when_it_was_opened) {
  store().open_message("ws-1", make_message("m-1", {}, start_time + 1));
  auto box = store().pending("ws-1", start_time + 60);
  EXPECT_EQ(box.recent_messages, std::vector{start_time + 1});
  store().close_message("ws-1", "m-1", start_time + 50);
  EXPECT_EQ(store().pending("ws-1", start_time + 3600).recent_messages.size(), 1U);
  EXPECT_TRUE(store().pending("ws-1", start_time + 3601).recent_messages.empty());
}

TEST_P(result_store_test, attempts_of_the_hour_are_oldest_first) {
  for (int number = 0; number < 3; ++number) {
    auto id = std::to_string(number);
    store().open_message("ws-1", make_message(id, {}, start_time + number * 3000));
    store().close_message("ws-1", id, 0);
  }
  EXPECT_EQ(store().pending("ws-1", start_time + 6000).recent_messages,
            (std::vector{start_time + 3000, start_time + 6000}));
}

TEST_P(result_store_test, messages_opened_under_a_clock_set_back_stand_in_order) {
  for (auto at : {start_time + 900, start_time + 100}) {
    auto id = std::to_string(at);
    store().open_message("ws-1", make_message(id, {}, at));
    store().close_message("ws-1", id, 0);
  }
  EXPECT_EQ(store().pending("ws-1", start_time + 1000).recent_messages,
            (std::vector{start_time + 100, start_time + 900}));
}

TEST_P(result_store_test, a_delivered_message_wakes_its_results) {
  auto seqs = seqs_of(store().record(make_poll(make_results(0, 2)), start_time));
  store().mark_filed("ws-1", seqs);
  store().open_message("ws-1", make_message("m-1", {seqs[0]}));
  store().close_message("ws-1", "m-1", start_time + 7);
  auto box = store().pending("ws-1", start_time + 8);
  EXPECT_FALSE(box.has_open_message);
  EXPECT_EQ(seqs_of(box.unwoken), std::vector{seqs[1]});
  EXPECT_EQ(box.last_delivered_start, start_time + 7);
}

TEST_P(result_store_test, a_dropped_message_wakes_its_results_without_a_cooldown) {
  auto seqs = seqs_of(store().record(make_poll({make_result("a")}), start_time));
  store().mark_filed("ws-1", seqs);
  store().open_message("ws-1", make_message("m-1", seqs));
  store().close_message("ws-1", "m-1", 0);
  auto box = store().pending("ws-1", start_time);
  EXPECT_TRUE(box.unwoken.empty());
  EXPECT_EQ(box.last_delivered_start, 0);
}

TEST_P(result_store_test, an_unknown_message_or_seq_is_ignored) {
  auto seqs = seqs_of(store().record(make_poll({make_result("a")}), start_time));
  store().open_message("ws-1", make_message("m-1", seqs));
  store().close_message("ws-1", "m-2", start_time);
  store().close_message("ws-9", "m-1", start_time);
  store().mark_filed("ws-1", {seqs[0] + 100});
  store().mark_filed("ws-9", seqs);
  EXPECT_TRUE(store().pending("ws-1", start_time).has_open_message);
  EXPECT_EQ(store().unfiled("ws-1").size(), 1U);
}

TEST_P(result_store_test, counts_tell_what_is_unfinished_and_since_when) {
  auto first = seqs_of(store().record(make_poll(make_results(0, 2)), start_time));
  auto second = seqs_of(store().record(make_poll(make_results(2, 3)), start_time + 10));
  store().mark_filed("ws-1", first);
  store().mark_notified("ws-1", {first[0]});
  store().open_message("ws-1", make_message("m-1", first));
  auto counts = store().counts("ws-1");
  EXPECT_EQ(counts.unfiled, 3);
  EXPECT_EQ(counts.unwoken, 2);
  EXPECT_EQ(counts.unnotified, 1);
  EXPECT_EQ(counts.oldest, start_time);
  store().close_message("ws-1", "m-1", 1);
  store().mark_notified("ws-1", first);
  EXPECT_EQ(store().counts("ws-1").oldest, start_time + 10);
  EXPECT_EQ(store().counts("ws-9").oldest, 0);
}

TEST_P(result_store_test, results_are_read_in_pages_with_their_steps) {
  auto seqs = seqs_of(store().record(make_poll(make_results(0, 5)), start_time));
  store().record(make_poll(make_results(0, 1), "ws-2"), start_time);
  store().mark_filed("ws-1", {seqs[0], seqs[3]});
  store().mark_woken("ws-1", {seqs[0]});
  store().mark_notified("ws-1", {seqs[0]});
  EXPECT_EQ(seqs_of(store().results("ws-1", 0, 2)), (std::vector{seqs[0], seqs[1]}));
  auto rest = store().results("ws-1", seqs[1], 100);
  EXPECT_EQ(seqs_of(rest), (std::vector{seqs[2], seqs[3], seqs[4]}));
  EXPECT_TRUE(rest[1].filed);
  EXPECT_FALSE(rest[1].woken);
  auto finished = store().results("ws-1", 0, 1).at(0);
  EXPECT_TRUE(finished.filed && finished.woken && finished.notified);
  EXPECT_EQ(finished.result.summary, "summary of delegation-0");
  EXPECT_TRUE(store().results("ws-9", 0, 10).empty());
}

TEST_P(result_store_test, any_text_comes_back_as_it_was) {
  using namespace std::string_literals;
  auto odd = make_result("'\";--\0id"s);
  odd.summary = "\0\x1b\xf0\x9f\x98\x80\xe2\x80\xa8"s;
  odd.created_at = std::nan("");
  store().record(make_poll({odd}, "w\0s"s), start_time);
  auto found = store().unfiled("w\0s"s);
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].result.delegation_id, odd.delegation_id);
  EXPECT_EQ(found[0].result.summary, odd.summary);
  EXPECT_TRUE(store().record(make_poll({odd}, "w\0s"s), start_time).empty());
}

TEST_P(result_store_test, a_key_that_is_still_listed_is_never_forgotten) {
  auto kept = make_poll({make_result("kept")});
  store().record(kept, start_time);
  finish_all(store());
  auto& held = store();
  for (int round = 0; round < 3; ++round) {
    auto poll = make_poll(make_results(round * 3000, 3000));
    poll.listed.push_back(kept.listed[0]);
    held.record(poll, start_time);
    finish_all(held);
  }
  EXPECT_TRUE(store().record(kept, start_time).empty());
}

TEST_P(result_store_test, finished_results_that_are_no_longer_listed_are_kept_up_to_a_bound) {
  auto& held = store();
  for (int round = 0; round < 5; ++round) {
    held.record(make_poll(make_results(round * 1024, 1024)), start_time);
    finish_all(held);
  }
  held.record(make_poll({}), start_time);
  EXPECT_EQ(held.record(make_poll(make_results(1024, 4096)), start_time).size(), 0U);
  held.record(make_poll({}), start_time);
  EXPECT_EQ(store().results("ws-1", 0, 100'000).size(), 4096U);
  EXPECT_EQ(store().record(make_poll(make_results(0, 1)), start_time).size(), 1U);
}

TEST_P(result_store_test, unfinished_results_are_never_given_up) {
  auto& held = store();
  held.record(make_poll(make_results(0, 6000)), start_time);
  held.record(make_poll(make_results(6000, 6000)), start_time);
  held.record(make_poll({}), start_time);
  EXPECT_EQ(store().unfiled("ws-1").size(), 12'000U);
}

TEST_P(result_store_test, a_list_of_ten_thousand_is_taken_in_one_step) {
  auto& held = store();
  EXPECT_EQ(held.record(make_poll(make_results(0, 10'000)), start_time).size(), 10'000U);
  EXPECT_EQ(held.record(make_poll(make_results(1, 10'000)), start_time).size(), 1U);
}

INSTANTIATE_TEST_SUITE_P(stores, result_store_test, testing::Bool(),
                         [](const auto& info) { return info.param ? "durable" : "memory"; });

} // namespace

} // namespace workspace_supervisor
