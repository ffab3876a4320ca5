#!/usr/bin/env bash
# The commands under "Set up over HTTP" in the README, as they are printed there, against an
# instance without a configuration: readme_walk.sh URL KEY README
set -euo pipefail
url=$1 key=$2 readme=$(realpath "$3")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/weir-data"
printf '%s' "$key" >"$work/weir-data/admin.key"
cd "$work"

# The address alone differs from what is printed.
awk '
  /^## / { inside = $0 == "## Set up over HTTP" }
  inside && /^```/ { code = !code; next }
  inside && code' "$readme" | sed "s|http://127.0.0.1:8080/|$url/|" >commands
count=$(grep -c '^curl ' commands || true)
if ((count < 15)); then
  echo "readme_walk: only $count commands found in $readme" >&2
  exit 1
fi

# Every command has to succeed; what the last ones print is looked at.
curl() {
  command curl --silent --show-error --fail-with-body --max-time 20 "$@"
  echo
}
status=0
bash -euo pipefail -c "$(declare -f curl); source commands" >output 2>&1 || status=$?
if ((status != 0)); then
  echo "readme_walk: a command ended with $status; its answer is the last of" >&2
  cat output >&2
  exit 1
fi
for wanted in '"content":"good morning river' '"id":"chat"' '"object":"bucket"'; do
  if ! tail -n 3 output | grep -qF -- "$wanted"; then
    echo "readme_walk: no $wanted in" >&2
    tail -n 3 output >&2
    exit 1
  fi
done
echo "readme_walk: $count ok"
