#include "actors/supervision/actor_probe.hpp"

#include <benchmark/benchmark.h>

namespace workspace_supervisor {

namespace {

/// What counting costs a message: into the mailbox, before and after its handler, both clock readings
/// included.
void count_a_message(benchmark::State& state) {
  actor_probe probe;
  message_observer& observer = probe;
  for (auto _ : state) {
    observer.enqueued();
    observer.before_message();
    observer.after_message();
  }
}
BENCHMARK(count_a_message);

/// What counting costs a beat beyond its messages.
void count_a_latency(benchmark::State& state) {
  duration_histogram<26> histogram;
  for (auto _ : state)
    histogram.add(std::chrono::microseconds{700});
}
BENCHMARK(count_a_latency);

} // namespace

} // namespace workspace_supervisor
