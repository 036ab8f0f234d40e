#include "actors/http/http_answer.hpp"
#include "tests/support/fuzz_input.hpp"

using namespace workspace_supervisor;

namespace {

struct outcome {
  answer_state state = answer_state::incomplete;
  bool keeps = false;
  bool begun = false;
  bool head_done = false;
  std::string error;
  http_response response;
};

outcome outcome_of(http_answer& answer, answer_state state) {
  return {state,          answer.keeps_connection(), answer.begun(), answer.head_done(),
          answer.error(), answer.response()};
}

template <class Sizes>
outcome read(std::string_view bytes, bool json, std::size_t most, bool ended, Sizes size) {
  http_answer answer(json, most);
  auto state = answer_state::incomplete;
  while (!bytes.empty() && state == answer_state::incomplete) {
    const auto piece = bytes.substr(0, size());
    bytes.remove_prefix(piece.size());
    state = answer.take(piece.data(), piece.size());
    must(answer.response().body.size() <= most, "no body is longer than was allowed");
  }
  if (state == answer_state::incomplete && ended)
    state = answer.take_end();
  return outcome_of(answer, state);
}

} // namespace

/// An answer is the same in whatever pieces it comes, and never more than was allowed.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz_input input(data, size);
  const auto flags = input.byte();
  const bool json = flags & 1;
  const bool ended = flags & 2;
  const std::size_t most = flags & 4 ? 16 : 65536;
  piece_sizes sizes(input.byte());
  const auto bytes = input.rest();
  const auto whole = read(bytes, json, most, ended, [&] { return bytes.size(); });
  const auto parts = read(bytes, json, most, ended, [&] { return sizes.next(); });
  // A head that comes in pieces is looked at when it is whole; in one piece, as far as it is there.
  const bool half_head = !whole.head_done && parts.state == answer_state::incomplete;
  if (half_head && whole.state == answer_state::refused)
    return 0;
  must(whole.state == parts.state, "the pieces do not decide how it ends", whole.error + " / " + parts.error);
  must((whole.state == answer_state::refused) == !whole.error.empty(), "what is refused says why",
       whole.error);
  must(is_utf8(whole.error), "a reason is UTF-8", whole.error);
  must(whole.error == parts.error, "nor why it is refused", whole.error + " / " + parts.error);
  must(whole.head_done == parts.head_done, "nor whether it has a head");
  // Before the end of its head nobody looks at what it says.
  if (whole.state != answer_state::refused && whole.head_done) {
    must(whole.response.status == parts.response.status, "nor the status");
    must(whole.response.body == parts.response.body, "nor the body");
    must(whole.response.retry_after_ms == parts.response.retry_after_ms || whole.response.retry_after_ms > 0,
         "nor Retry-After");
    must(whole.response.date == parts.response.date, "nor the date");
  }
  if (whole.state == answer_state::complete) {
    must(whole.head_done && whole.begun, "what is complete has a head");
    must(whole.response.status >= 200, "an interim answer is none");
    // Bytes behind it are seen only where they came with its end.
    must(!whole.keeps || parts.keeps, "nor whether the connection is kept");
  }
  return 0;
}
