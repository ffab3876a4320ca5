#!/usr/bin/env python3
"""CPU per proxied request: Weir, nginx, HAProxy and no proxy at all, on the same work in one run.

Everything runs on loopback, pinned to one core (--core), so that the figure is what the code costs
and not where it was placed; --proxy-core puts the proxies on a core of their own. Rounds take the
contenders in turns that rotate, because a machine drifts; a contender's figure is the median of its
rounds. Weir runs with all that is on by default: authentication, full validation of the body,
metrics, access log (to a file). nginx and HAProxy only pass bytes on, without a log.

Needs the Release build with mock_upstream and weir_load; nginx and haproxy when they are installed.
Prints a table and, with --json FILE, every sample.
"""

import argparse
import json
import os
import pathlib
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parents[2]
KEY = "bench-key-0123456789abcdef"

# name: extra flags of weir_load
WORKLOADS = {
    "0.3K": ["--body-bytes", "300"],
    "4K": ["--body-bytes", "4096"],
    "64K": ["--body-bytes", "65536"],
    "sse": ["--body-bytes", "300", "--stream"],
}
REQUESTS = {"0.3K": 30000, "4K": 30000, "64K": 8000, "sse": 3000}


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def wait_port(port, process, name):
    for _ in range(200):
        if process.poll() is not None:
            sys.exit(f"{name} ended at once; its output is above")
        try:
            socket.create_connection(("127.0.0.1", port), timeout=0.2).close()
            return
        except OSError:
            time.sleep(0.05)
    sys.exit(f"{name} does not listen on port {port}")


class Contender:
    """A started proxy: where it listens, which process is measured."""

    def __init__(self, name, port, process, key=None):
        self.name, self.port, self.process, self.key = name, port, process, key
        self.samples = {}


def start(command, core, **kwargs):
    return subprocess.Popen(["taskset", "-c", str(core)] + command, **kwargs)


def start_weir(args, work, upstream):
    port = free_port()
    config = work / "weir.yaml"
    config.write_text(
        f"""listen: [{{address: "127.0.0.1:{port}"}}]
workers: 1
data_dir: {work}/weir-data
providers:
  - name: up
    type: openai
    data: {{apikey: sk-bench, base_url: "http://127.0.0.1:{upstream}/v1"}}
models:
  - {{provider: up, id: gpt-4o-mini, alias: gpt-4o-mini}}
keys:
  - {{name: bench, key: {KEY}, role: admin}}
limits: {{json_validation: {args.validation}}}
log: {{access: "file:{work}/access.log"}}
"""
    )
    env = dict(os.environ, WEIR_ADMIN_KEY="bench-admin-key-0123456789abcdef")
    binary = str(args.bin / "weir")
    process = start([binary, "run", "--config", str(config)], args.proxy_core, env=env,
                    stderr=open(work / "weir.err", "w"))
    wait_port(port, process, "weir")
    return Contender("weir", port, process, KEY)


def start_nginx(args, work, upstream):
    port = free_port()
    (work / "nginx").mkdir()
    config = work / "nginx.conf"
    config.write_text(
        f"""daemon off; worker_processes 1; pid {work}/nginx/pid; error_log {work}/nginx/error.log;
events {{ worker_connections 16384; }}
http {{
  access_log off; client_body_temp_path {work}/nginx/body; proxy_temp_path {work}/nginx/proxy;
  fastcgi_temp_path {work}/nginx/f; uwsgi_temp_path {work}/nginx/u; scgi_temp_path {work}/nginx/s;
  client_body_buffer_size 256k; client_max_body_size 64m;
  keepalive_requests 1000000000; tcp_nodelay on;
  upstream up {{ server 127.0.0.1:{upstream}; keepalive 128; keepalive_requests 1000000000; }}
  server {{
    listen 127.0.0.1:{port};
    location / {{ proxy_pass http://up; proxy_http_version 1.1; proxy_set_header Connection "";
                  proxy_buffering off; proxy_request_buffering on; }}
  }}
}}
"""
    )
    process = start(["nginx", "-c", str(config)], args.proxy_core)
    wait_port(port, process, "nginx")
    return Contender("nginx", port, process)


def start_haproxy(args, work, upstream):
    port = free_port()
    config = work / "haproxy.cfg"
    config.write_text(
        f"""global
  nbthread 1
  maxconn 4000
defaults
  mode http
  timeout connect 5s
  timeout client 60s
  timeout server 60s
  http-reuse always
frontend in
  bind 127.0.0.1:{port}
  default_backend up
backend up
  server s1 127.0.0.1:{upstream}
"""
    )
    process = start(["haproxy", "-f", str(config), "-db"], args.proxy_core)
    wait_port(port, process, "haproxy")
    return Contender("haproxy", port, process)


def load(args, contender, workload, requests):
    out = args.work / "load.json"
    command = [str(args.bin / "weir_load"), f"http://127.0.0.1:{contender.port}",
               "-c", str(args.connections), "-n", str(requests), "--model", "gpt-4o-mini",
               "--quiet", "--json", str(out)] + WORKLOADS[workload]
    if contender.key:
        command += ["--key", contender.key]
    if contender.process is not None:
        command += ["--cpu-of", str(contender.process.pid)]
    result = start(command, args.core)
    if result.wait() != 0:
        sys.exit(f"{contender.name}, {workload}: wrong answers; see the output above")
    return json.loads(out.read_text())


def cpu_us(report):
    for key in ("cpu_us_per_request", "cpu_us"):
        if key in report:
            return report[key]
    return report.get("cpu", {}).get("us_per_request")


def check_counts(contender, sent):
    """Weir must have counted exactly what was sent to it."""
    request = urllib.request.Request(f"http://127.0.0.1:{contender.port}/metrics",
                                     headers={"Authorization": f"Bearer {KEY}"})
    text = urllib.request.urlopen(request).read().decode()
    done = sum(float(line.rsplit(" ", 1)[1]) for line in text.splitlines()
               if line.startswith("weir_requests_total{") and 'outcome="completed"' in line)
    if int(done) != sent:
        print(f"weir counted {int(done)} completed requests, {sent} were sent", file=sys.stderr)


def table(args, contenders):
    print(f"\nCPU microseconds per request, median of {args.rounds} rounds, "
          f"{args.connections} connections; ratio to nginx in brackets")
    print(f"{'':10}" + "".join(f"{w:>18}" for w in args.workloads))
    nginx = next((c for c in contenders if c.name == "nginx"), None)
    for c in contenders:
        if c.process is None:
            continue
        row = f"{c.name:10}"
        for w in args.workloads:
            value = statistics.median(c.samples[w])
            ratio = f" ({value / statistics.median(nginx.samples[w]):.2f})" if nginx else ""
            row += f"{value:>10.2f}{ratio:>8}"
        print(row)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--bin", type=pathlib.Path, default=ROOT / "build/release/bin")
    parser.add_argument("--core", type=int, default=1, help="core of the load and the provider")
    parser.add_argument("--proxy-core", type=int, help="core of the proxies (default: the same)")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--connections", type=int, default=32)
    parser.add_argument("--workloads", nargs="+", default=list(WORKLOADS), choices=WORKLOADS)
    parser.add_argument("--validation", default="full", choices=["full", "top_level"])
    parser.add_argument("--only", nargs="+", help="contenders by name")
    parser.add_argument("--scale", type=float, default=1.0, help="share of the requests")
    parser.add_argument("--json", type=pathlib.Path)
    args = parser.parse_args()
    if args.proxy_core is None:
        args.proxy_core = args.core
    with tempfile.TemporaryDirectory(prefix="weir-e2e-") as folder:
        args.work = pathlib.Path(folder)
        run(args)


def run(args):
    started = []
    mock = start([str(args.bin / "mock_upstream"), "--listen", "127.0.0.1:0"], args.core,
                 stdout=subprocess.PIPE, text=True)
    started.append(mock)
    try:
        upstream = int(mock.stdout.readline().rsplit(":", 1)[1])
        contenders = []
        makers = {"weir": start_weir, "nginx": start_nginx, "haproxy": start_haproxy}
        for name, make in makers.items():
            wanted = not args.only or name in args.only
            if not wanted or (name != "weir" and shutil.which(name) is None):
                if wanted:
                    print(f"{name} is not installed; left out (tools/setup --bench)")
                continue
            contenders.append(make(args, args.work, upstream))
            started.append(contenders[-1].process)
        measure(args, contenders)
        table(args, contenders)
        if args.json:
            args.json.write_text(json.dumps({c.name: c.samples for c in contenders}, indent=1))
    finally:
        for process in started:
            process.send_signal(signal.SIGTERM)
        for process in started:
            process.wait(timeout=40)


def measure(args, contenders):
    sent = 0
    for round_number in range(args.rounds):
        turn = round_number % len(contenders)
        for workload in args.workloads:
            for contender in contenders[turn:] + contenders[:turn]:
                requests = max(200, int(REQUESTS[workload] * args.scale))
                report = load(args, contender, workload, requests)
                contender.samples.setdefault(workload, []).append(cpu_us(report))
                if contender.name == "weir":
                    sent += requests
        print(f"round {round_number + 1} of {args.rounds} done", flush=True)
    weir = next((c for c in contenders if c.name == "weir"), None)
    if weir is not None:
        check_counts(weir, sent)


if __name__ == "__main__":
    main()
