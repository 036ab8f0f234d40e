#pragma once

#include "app/stats/stats.hpp"

#include <string>

namespace workspace_supervisor {

/// Above so many workspaces the series of single ones are folded into one, so that a scrape stays small.
inline constexpr std::size_t most_workspaces_told_apart = 100;

/// The body of `/metrics`, in Prometheus's text format: the same as `stats`, and the histograms of the
/// probes. Any thread.
std::string metrics_text(const process_context& process, const process_stats& stats);

/// Its Content-Type.
inline constexpr const char* metrics_content_type = "text/plain; version=0.0.4; charset=utf-8";

} // namespace workspace_supervisor
