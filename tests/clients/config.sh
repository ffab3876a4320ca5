# The configuration of the instance that the clients talk to; sourced by run.
#
# config_write PORT MOCK_URL FOLDER: to stdout. What the mock is to do stands in its model ids, so
# each behaviour has an alias. Failures are not remembered, so that no test changes the next one.

mock_behaviours=(
  "mock-chat words=12"
  "mock-two words=5,choices=2"
  "mock-tools tools"
  "mock-echo echo"
  "mock-slow events=400,gap=20ms,size=60"
  "mock-hang hang"
  "mock-400 fail=400,code=bad_thing,message=That is not allowed"
  "mock-401 fail=401"
  "mock-404 fail=404"
  "mock-409 fail=409"
  "mock-422 fail=422"
  "mock-429 fail=429,retry_after=7"
  "mock-500 fail=500"
  "mock-503 fail=503"
  "mock-html html,fail=502"
  "mock-cut-3 cut_at=3"
  "mock-cut-body cut_at=100"
  "mock-error-3 error_at=3"
  "mock-reset reset_before_head"
  "mock-crlf eol=crlf,named,words=6"
  "mock-split split=7,pause=0,words=6"
  "mock-json-stream plain,words=6"
)
rehearsals=(fail=503 fail=429 fail=400 cut=3 stall=50ms words=64 delay=5ms)

config_write() {
  local port=$1 mock_url=$2 folder=$3 entry name
  cat <<YAML
listen: [{address: "127.0.0.1:$port"}]
data_dir: $folder/data
admin_key: $WEIR_OPERATOR_KEY
providers:
  - {name: local, type: loopback}
  - {name: mock, type: openai, data: {apikey: upstream-key, base_url: "$mock_url/v1"}}
  - {name: hasty, type: openai, data: {apikey: upstream-key, base_url: "$mock_url/v1"},
     timeouts: {head: 300ms}}
models:
  - {provider: local, id: loopback, alias: local-chat}
  - {provider: local, id: loopback-embed, alias: local-embed}
  - {provider: mock, id: mock-embed, alias: mock-embed}
  - {provider: mock, id: "lakes/river-1", alias: "lakes/river"}
  - {provider: hasty, id: mock/hang, alias: hasty-hang}
YAML
  for name in "${rehearsals[@]}"; do
    echo "  - {provider: local, id: \"loopback/$name\", alias: \"rehearse-$name\"}"
  done
  for entry in "${mock_behaviours[@]}"; do
    echo "  - {provider: mock, id: \"mock/${entry#* }\", alias: ${entry%% *}}"
  done
  echo "load_balancers:"
  for name in "${rehearsals[@]}"; do
    echo "  - {alias: \"rehearse-$name\", suspend_duration: 0s}"
  done
  for entry in "${mock_behaviours[@]}"; do
    echo "  - {alias: ${entry%% *}, suspend_duration: 0s}"
  done
  cat <<YAML
  - {alias: hasty-hang, suspend_duration: 0s}
keys:
  - {name: clients, key: $WEIR_KEY, role: user}
  - {name: reader, key: $WEIR_READER_KEY, role: user, models: [local-chat]}
log: {access: "file:$folder/access.log"}
YAML
}
