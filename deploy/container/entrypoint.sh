#!/bin/sh
# Starts the supervisor as process 1 of a container. WORKSPACE_ID, PLATFORM_URL and CONFIGS_DIR come from the
# environment, everything else from arguments or from a caf-application.conf in the working directory.
# With CONTROL_HTTP=0.0.0.0:9640 Prometheus can scrape it from outside; name the host that it asks for in
# control.http-hosts.
set -eu
exec workspace-supervisor "--control.http=${CONTROL_HTTP:-127.0.0.1:9640}" "$@"
