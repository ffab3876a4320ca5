# Shared by tools/setup, tools/run, tools/test and .ci/run; source it, do not run it.
# It moves to the root of the tree and gives: jobs, step, preset_configure, preset_build.
cd "$(dirname "${BASH_SOURCE[0]}")/.."
jobs=$(nproc 2>/dev/null || echo 2)

die() {
  echo "$(basename "$0"): $*" >&2
  exit 1
}

# step <name> <command...>: run it quietly and say in one line how long it took; when it fails,
# show the end of what it said and stop.
step() {
  local name=$1 started=$SECONDS log
  shift
  log=$(mktemp)
  if "$@" >"$log" 2>&1 </dev/null; then
    echo "== $name: ok ($((SECONDS - started)) s)"
    rm -f "$log"
  else
    local status=$?
    tail -n 200 "$log"
    rm -f "$log"
    echo "== $name: FAILED ($((SECONDS - started)) s, status $status): $*" >&2
    exit 1
  fi
}

# step_shown: the same, but what the command says is shown as it comes.
step_shown() {
  local name=$1 started=$SECONDS status=0
  shift
  "$@" </dev/null || status=$?
  if ((status != 0)); then
    echo "== $name: FAILED ($((SECONDS - started)) s, status $status): $*" >&2
    exit 1
  fi
}

preset_configure() { step "configure $1" cmake --preset "$1"; }

# preset_build <preset> [target...]
preset_build() {
  local preset=$1
  shift
  step "build $preset${*:+ ($*)}" cmake --build --preset "$preset" -j "$jobs" ${*:+--target "$@"}
}
