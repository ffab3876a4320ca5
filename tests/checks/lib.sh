# Shared by the checks; source it after `set -euo pipefail`, do not run it.
#
# A check takes the folder of the binaries, prints one line with the number it measured and its
# bound, and ends with 0 (kept), 1 (broken) or 77 (cannot be measured here). check_start starts the
# mock and Weir with one worker; all that was started is ended with the script.
check=$(basename "$0")
bin=$(realpath "${1:?usage: tests/checks/$check FOLDER_OF_BINARIES}")
work=$(mktemp -d)
pids=()

check_finish() {
  local pid
  for pid in ${pids[@]+"${pids[@]}"}; do kill -TERM "$pid" 2>/dev/null || true; done
  for pid in ${pids[@]+"${pids[@]}"}; do wait "$pid" 2>/dev/null || true; done
  rm -rf "$work"
}
trap check_finish EXIT

check_die() {
  echo "$check: $*" >&2
  exit 1
}

check_skip() {
  echo "$check: skipped: $*"
  exit 77
}

# listening_wait <file> <pattern>: what follows the pattern in the first line that begins with it.
listening_wait() {
  local file=$1 pattern=$2 found=
  for _ in $(seq 200); do
    found=$(sed -n "s|^$pattern||p" "$file" | head -n 1)
    [[ -n $found ]] && break
    sleep 0.05
  done
  [[ -n $found ]] || check_die "a program did not start: $(tail -n 3 "$file")"
  echo "$found"
}

# check_start <model id at the mock>: sets url and weir_pid.
check_start() {
  local mock
  "$bin/mock_upstream" >"$work/mock.out" 2>&1 &
  pids+=($!)
  mock=$(listening_wait "$work/mock.out" 'listening ')
  cat >"$work/weir.yaml" <<YAML
listen: [{address: "127.0.0.1:0"}]
data_dir: $work/data
admin_key: check-admin-key
providers:
  - {name: mock, type: openai, data: {apikey: check, base_url: "http://$mock/v1"}}
models:
  - {provider: mock, id: "$1", alias: chat}
  - {provider: mock, id: quick}
  - {provider: mock, id: mock/close_after, alias: fresh}
keys: [{name: check, key: check-key, role: user}]
YAML
  weir_start
}

# weir_start [arguments of `weir run`]: runs Weir on $work/weir.yaml, with one worker unless told
# otherwise: sets url, weir_pid and load_command.
weir_start() {
  (($# > 0)) || set -- --workers 1
  "$bin/weir" run --config "$work/weir.yaml" "$@" >"$work/access.log" 2>"$work/weir.err" &
  weir_pid=$!
  pids+=("$weir_pid")
  url=$(listening_wait "$work/weir.err" 'weir: listening on ')
  load_command=("$bin/weir_load" "$url" --key check-key --model chat --quiet)
}

load() { "${load_command[@]}" "$@"; }

# check_bound <what> <number> <bound> <unit>: prints the line and says whether the bound is kept.
check_bound() {
  local kept
  kept=$(awk -v number="$2" -v bound="$3" 'BEGIN { print number <= bound ? "ok" : "BROKEN" }')
  echo "$check: $1: $2 $4, bound $3: $kept"
  [[ $kept == ok ]]
}
