# Completion of workspacectl's command line for bash. Source it from ~/.bashrc, or install it as
# /usr/share/bash-completion/completions/workspacectl.

_workspacectl() {
  local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]}
  local common='--json --workspace --socket --timeout --help --version'
  local command='' index
  COMPREPLY=()

  case $before in
    --socket | --configs-dir | --results-file | --own-socket)
      mapfile -t COMPREPLY < <(compgen -f -- "$word")
      return
      ;;
    --workspace)
      local ids
      ids=$(workspacectl status --timeout=1 2>/dev/null |
        awk '/^WORKSPACE/ { listed = 1; next } !NF { listed = 0 } listed { print $1 }') || true
      mapfile -t COMPREPLY < <(compgen -W "$ids" -- "$word")
      return
      ;;
    --timeout | --error | --count | --active | --after | --limit | --platform-url) return ;;
  esac

  # The command is the first word that is neither an option nor an option's value.
  for ((index = 1; index < COMP_CWORD; ++index)); do
    case ${COMP_WORDS[index]} in
      --workspace | --socket | --timeout | --error | --count | --active | --after | --limit | --configs-dir | \
        --results-file | --own-socket | --platform-url) ((index += 1)) ;;
      -*) ;;
      *)
        command=${COMP_WORDS[index]}
        break
        ;;
    esac
  done

  local words
  case $command in
    '') words="status task outcome wedge unwedge progress agent beat results token workspace reload events crash $common" ;;
    status) words="--watch $common" ;;
    task) words="--done --active $common" ;;
    outcome) words="--error --success --count $common" ;;
    results) words="--after --limit $common" ;;
    agent) words="restart stop start $common" ;;
    workspace) words="add remove --configs-dir --results-file --platform-url --own-socket $common" ;;
    token) words="set $common" ;;
    crash)
      words="supervisor token activity heartbeat delegation-poller parent-name notifier agent root platform-client
        store token-files result-files list-reader workspaces control $common"
      ;;
    *) words=$common ;;
  esac
  mapfile -t COMPREPLY < <(compgen -W "$words" -- "$word")
}

complete -F _workspacectl workspacectl
