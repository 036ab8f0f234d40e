#!/usr/bin/env bash
# The built binaries end to end, as a user starts them: smoke.sh BUILD_DIR
set -euo pipefail

build=$(cd "${1:?usage: smoke.sh BUILD_DIR}" && pwd)
supervisor=$build/workspace-supervisor
work=$(mktemp -d)
daemon=
clean_up() {
  [[ -z $daemon ]] || kill -KILL "$daemon" 2>/dev/null || true
  rm -rf "$work"
}
trap clean_up EXIT
cd "$work"

# The binary's configuration may come from the environment: none of the caller's reaches it.
readonly clean=(env -i "PATH=$PATH" "HOME=$work")

fail() {
  echo "smoke: $1" >&2
  for file in out err; do
    [[ ! -s $work/$file ]] || sed "s/^/  $file: /" "$work/$file" >&2
  done
  exit 1
}

# expect STATUS WHAT COMMAND...: runs the command (output in out and err), fails on another exit status.
expect() {
  local wanted=$1 what=$2 status=0
  shift 2
  timeout --kill-after=5 120 "${clean[@]}" "$@" >out 2>err </dev/null || status=$?
  [[ $status -eq $wanted ]] || fail "$what: exit status $status instead of $wanted"
  echo "smoke: $what: ok"
}

# make test installs it, make smoke alone may run without.
if command -v hardening-check >/dev/null; then
  expect 0 "hardened binaries" hardening-check --nocfprotection "$supervisor" "$build/workspacectl"
fi

mkdir configs
printf 'not-to-be-shown\n' >configs/.auth_token
cat >good.conf <<CONF
workspace {
  id = "smoke"
  platform-url = "http://127.0.0.1:9"
  configs-dir = "$work/configs"
  results-file = "$work/delegation_results.jsonl"
}
control.http = ""
CONF
printf 'heartbeat.intervall = 5s\n' | cat good.conf - >misspelt.conf

expect 0 "--help" "$supervisor" --help
grep -q 'heartbeat.interval' out || fail "--help does not name heartbeat.interval"

expect 0 "--check-config" "$supervisor" --config-file=good.conf --check-config
! grep -q 'not-to-be-shown' out err || fail "--check-config shows the token"

expect 78 "a misspelt key" "$supervisor" --config-file=misspelt.conf --check-config
grep -q 'heartbeat.interval\b' out err || fail "the nearest known key is not named"

expect 78 "no configuration at all" "$supervisor"

# stops_in_time WHAT [PREPARE]: SIGTERM ends the daemon in time with 0; PREPARE is called when it runs.
stops_in_time() {
  local what=$1 prepare=${2:-:} started status=0
  : >err # the last one's, which would be read before the next has begun
  "${clean[@]}" "$supervisor" --config-file=good.conf >out 2>err </dev/null &
  daemon=$!
  for _ in $(seq 300); do
    ! grep -q 'beat.failed' err || break
    kill -0 "$daemon" 2>/dev/null || break
    sleep 0.1
  done
  "$prepare"
  kill -TERM "$daemon" 2>/dev/null || fail "$what: the daemon ended by itself"
  started=$SECONDS
  wait "$daemon" || status=$?
  daemon=
  [[ $status -eq 0 ]] || fail "$what: exit status $status instead of 0"
  # 5 s are meant; a machine that is busy may add to them.
  [[ $((SECONDS - started)) -le 15 ]] || fail "$what: took longer than 15 s"
  ! grep -q 'not-to-be-shown' out err || fail "the log shows the token"
  echo "smoke: $what: ok"
}

no_memory_for_a_thread() {
  prlimit --pid "$daemon" --as=$(($(awk '/^VmSize/ { print $2 }' "/proc/$daemon/status") * 1024 + 65536))
}

# A platform that refuses every connection must not keep the process from stopping in time.
stops_in_time "SIGTERM"
stops_in_time "SIGTERM with no memory for a thread" no_memory_for_a_thread

expect 0 "dev mode for 20 s" "$supervisor" --dev --dev.duration=20s
tail -n 20 out err
