# fuzz_smoke <folder of fuzz programs> <seconds>: each target runs for a while on its corpus; the
# canary must be found out, or the fuzzing itself does not work. Source it after tools/lib.sh.

# New inputs go to a folder of the build, never into the tree; a crash leaves its input there too.
fuzz_target_run() {
  local program=$1 seconds=$2 thing work
  thing=$(basename "$program" _fuzz)
  work=$(dirname "$program")/../fuzz-work/$thing
  mkdir -p "$work/found"
  local arguments=(-max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -print_final_stats=1
    -artifact_prefix="$work/" "$work/found")
  [[ -d fuzz/corpus/$thing ]] && arguments+=("fuzz/corpus/$thing")
  [[ -f fuzz/$thing.dict ]] && arguments+=("-dict=fuzz/$thing.dict")
  "$program" "${arguments[@]}" >"$work/log" 2>&1 </dev/null
}

fuzz_target_check() {
  local program=$1 seconds=$2 thing log
  thing=$(basename "$program" _fuzz)
  log=$(dirname "$program")/../fuzz-work/$thing/log
  if [[ $thing == canary ]]; then
    # Only the canary's own crash counts, not, say, a program that does not start.
    ! fuzz_target_run "$program" "$seconds" && grep -q 'deadly signal\|ERROR: libFuzzer' "$log"
  else
    fuzz_target_run "$program" "$seconds"
  fi || { tail -n 60 "$log"; echo "fuzz $thing: FAILED, see $log"; return 1; }
  echo "fuzz $thing: ok"
}

fuzz_smoke() {
  local folder=$1 seconds=$2 program programs=() running=() status=0
  for program in "$folder"/*_fuzz; do
    [[ -x $program ]] && programs+=("$program")
  done
  ((${#programs[@]} > 0)) || die "no fuzz program in $folder"
  local started=$SECONDS
  for program in "${programs[@]}"; do
    fuzz_target_check "$program" "$seconds" &
    running+=($!)
    if ((${#running[@]} >= jobs)); then
      wait "${running[0]}" || status=1
      running=("${running[@]:1}")
    fi
  done
  local pid
  for pid in ${running[@]+"${running[@]}"}; do wait "$pid" || status=1; done
  ((status == 0)) || { echo "== fuzz smoke: FAILED ($((SECONDS - started)) s)" >&2; exit 1; }
  echo "== fuzz smoke, ${#programs[@]} targets x $seconds s: ok ($((SECONDS - started)) s)"
}
