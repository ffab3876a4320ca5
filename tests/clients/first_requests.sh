#!/usr/bin/env bash
# The first requests of a new user, with curl, against an instance without a configuration:
# first_requests.sh URL KEY
set -euo pipefail
url=$1 key=$2
count=0
curl_status=0

# expect <what> <extended regular expression> <curl arguments...>
expect() {
  local what=$1 pattern=$2 answer status=0
  shift 2
  answer=$(curl --silent --no-buffer --max-time 20 "$@") || status=$?
  if ((status != curl_status)); then
    echo "first_requests: $what: curl ended with $status, not $curl_status" >&2
    exit 1
  fi
  if ! grep -Eq -- "$pattern" <<<"$answer"; then
    printf 'first_requests: %s: no match for %s in\n%s\n' "$what" "$pattern" "$answer" >&2
    exit 1
  fi
  count=$((count + 1))
}

post() { expect "$1" "$2" "$url$3" -H "Authorization: Bearer $key" -d "$4"; }
chat() { post "$1" "$2" /v1/chat/completions "$3"; }
said='"messages":[{"role":"user","content":"good morning river"}]'

expect health '"ok"' "$url/healthz"
expect ready '"ready"' "$url/readyz"
expect models '"id":"loopback"' "$url/v1/models" -H "Authorization: Bearer $key"
expect "api-key field" '"id":"loopback"' "$url/v1/models" -H "api-key: $key"
chat chat '"content":"[^"]+".*"usage"' "{\"model\":\"loopback\",$said}"
chat stream '^data: \[DONE\]' "{\"model\":\"loopback\",\"stream\":true,$said}"
chat "stream usage" '"choices":\[\],"usage":\{' \
  "{\"model\":\"loopback\",\"stream\":true,\"stream_options\":{\"include_usage\":true},$said}"
chat "other words" '"content":"[^"]+"' "{\"model\":\"loopback/words=64\",$said}"
chat "a rehearsed failure" '"error":\{"message"' "{\"model\":\"loopback/fail=503\",$said}"
# A cut answer has no end; curl says so with 18.
curl_status=18
chat "a rehearsed cut" '"error":\{' "{\"model\":\"loopback/cut=3\",\"stream\":true,$said}"
curl_status=0
post completions '"text":"' /v1/completions '{"model":"loopback","prompt":"good morning"}'
post embeddings '"embedding":\[' /v1/embeddings '{"model":"loopback-embed","input":"river"}'
post "second prefix" '"content":"' /ml/gateway/v1/chat/completions "{\"model\":\"loopback\",$said}"
expect "no key" '"invalid_api_key"' "$url/v1/models"
expect "status without key" '^401$' "$url/v1/models" -o /dev/null -w '%{http_code}\n'
expect metrics '^weir_requests_total\{' "$url/metrics" -H "Authorization: Bearer $key"
echo "first_requests: $count ok"
