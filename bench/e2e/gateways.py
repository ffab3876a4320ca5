"""The gateways that the end-to-end runs compare: one entry each.

To add your own, write an entry here, or a JSON list of such entries into a file for
`tools/bench --gateways FILE`. Texts may hold the names of `Places`, as `$port`. An entry says:

    name      how it is called in the report
    program   what must be found on this machine; without it the gateway is left out
    command   how it is started; it must stay in the foreground and end on SIGTERM
    files     {name: text} written into its folder before the start
    ready     a path that answers 200 when it serves; none: it serves once the port is open
    headers   sent with every request, as "Name: value"
    model     {work: model in the body}; work is "plain", "tls", "words" (a slow stream), "long" (a
              very slow one). What is not there is not measured
    port      {upstream: "port" or "tls_port"}: where it serves what goes to that upstream
    path      of a chat request
    env       more environment
"""

import dataclasses
import json
import pathlib
import shutil
import string

KEY = "bench-key-0123456789abcdef"
# What a gateway that passes the body on sends; the mock provider takes its script from the model.
MODELS = {"plain": "gpt-4o-mini", "tls": "gpt-4o-mini", "words": "mock/events=64,gap=20ms",
          "long": "mock/events=8,gap=2s"}


@dataclasses.dataclass
class Places:
    """What the texts of an entry may name."""
    work: str             # a folder of its own
    port: int             # to listen on
    tls_port: int         # to listen on, for requests that go to the upstream with TLS
    upstream: int         # port of the mock provider
    tls_upstream: int     # port of the mock provider with TLS
    ca: str               # file with its certificate
    bin: str              # folder of the Release build
    workers: int
    connections: int      # of clients, when each has one to the upstream as well
    validation: str       # full or top_level
    limits: str           # rate limits of Weir's configuration, or nothing
    log: str              # of Weir's configuration


@dataclasses.dataclass
class Gateway:
    name: str
    command: list
    program: str = ""
    files: dict = dataclasses.field(default_factory=dict)
    ready: str = ""
    headers: list = dataclasses.field(default_factory=list)
    model: dict = dataclasses.field(default_factory=lambda: dict(MODELS))
    port: dict = dataclasses.field(default_factory=lambda: {"plain": "port", "tls": "tls_port"})
    path: str = "/v1/chat/completions"
    env: dict = dataclasses.field(default_factory=dict)

    def present(self, bin_folder):
        program = string.Template(self.program or self.command[0]).safe_substitute(bin=bin_folder)
        return shutil.which(program) is not None


def fill(text, places):
    return string.Template(text).substitute(vars(places))


WEIR_LIMITS = """
rate_limits:
  - {type: tenant, request: {amount: 1000000000, capacity: 1000000000, duration: 1h},
     token: {amount: 1000000000000, capacity: 1000000000000, duration: 1h}}
  - {type: key, key: bench, request: {amount: 1000000000, capacity: 1000000000, duration: 1h},
     token: {amount: 1000000000000, capacity: 1000000000000, duration: 1h}}
  - {type: provider, provider: up,
     request: {amount: 1000000000, capacity: 1000000000, duration: 1h},
     token: {amount: 1000000000000, capacity: 1000000000000, duration: 1h}}
  - {type: model, model: gpt-4o-mini,
     request: {amount: 1000000000, capacity: 1000000000, duration: 1h},
     token: {amount: 1000000000000, capacity: 1000000000000, duration: 1h}}
"""

WEIR = """listen: [{address: "127.0.0.1:$port"}]
workers: $workers
data_dir: $work/data
admin_key: bench-admin-key-0123456789abcdef
providers:
  - {name: up, type: openai, max_connections: 20000,
     data: {apikey: sk-bench, base_url: "http://127.0.0.1:$upstream/v1"}}
  - {name: tls, type: openai, max_connections: 20000, tls: {ca_file: $ca},
     data: {apikey: sk-bench, base_url: "https://127.0.0.1:$tls_upstream/v1"}}
models:
  - {provider: up, id: gpt-4o-mini, alias: gpt-4o-mini}
  - {provider: tls, id: gpt-4o-mini, alias: tls}
  - {provider: up, id: "mock/events=64,gap=20ms", alias: words}
  - {provider: up, id: "mock/events=8,gap=2s", alias: long}
keys:
  - {name: bench, key: bench-key-0123456789abcdef, role: user}
limits: {json_validation: $validation}
log: {access: "$log"}
$limits"""

NGINX = """daemon off; user root root; worker_processes $workers;
pid $work/pid; error_log $work/error.log;
events { worker_connections 50000; }
http {
  access_log off; client_body_temp_path $work/body; proxy_temp_path $work/proxy;
  fastcgi_temp_path $work/f; uwsgi_temp_path $work/u; scgi_temp_path $work/s;
  client_body_buffer_size 512k; client_max_body_size 64m;
  keepalive_requests 1000000000; tcp_nodelay on;
  proxy_http_version 1.1; proxy_set_header Connection "";
  proxy_buffering off; proxy_request_buffering on;
  proxy_ssl_trusted_certificate $ca; proxy_ssl_verify on; proxy_ssl_name mock.test;
  upstream up { server 127.0.0.1:$upstream; keepalive 128; keepalive_requests 1000000000; }
  upstream tls { server 127.0.0.1:$tls_upstream; keepalive 128; keepalive_requests 1000000000; }
  server { listen 127.0.0.1:$port; location / { proxy_pass http://up; } }
  server { listen 127.0.0.1:$tls_port; location / { proxy_pass https://tls; } }
}
"""

HAPROXY = """global
  nbthread $workers
  maxconn $connections
defaults
  mode http
  timeout connect 5s
  timeout client 60s
  timeout server 60s
  http-reuse always
  option http-no-delay
frontend in
  bind 127.0.0.1:$port
  default_backend up
frontend in_tls
  bind 127.0.0.1:$tls_port
  default_backend tls
backend up
  server s1 127.0.0.1:$upstream
backend tls
  server s1 127.0.0.1:$tls_upstream ssl verify required ca-file $ca
"""

# Weir runs with all that is on by default: key, full check of the body, four scopes of limits,
# ledger, usage store, metrics, access log. The others pass bytes on and write no log.
GATEWAYS = [
    Gateway("weir", ["$bin/weir", "run", "--config", "$work/weir.yaml"],
            files={"weir.yaml": WEIR}, ready="/readyz", headers=[f"Authorization: Bearer {KEY}"],
            model={"plain": "gpt-4o-mini", "tls": "tls", "words": "words", "long": "long"},
            port={"plain": "port", "tls": "port"}),
    Gateway("nginx", ["nginx", "-c", "$work/nginx.conf"], files={"nginx.conf": NGINX}),
    Gateway("haproxy", ["haproxy", "-f", "$work/haproxy.cfg", "-db"],
            files={"haproxy.cfg": HAPROXY}),
]


def read(path):
    """Entries of a JSON file."""
    return [Gateway(**entry) for entry in json.loads(pathlib.Path(path).read_text())]
