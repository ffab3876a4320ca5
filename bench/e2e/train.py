#!/usr/bin/env python3
"""Sends the work that a build by profile is laid out for through the instrumented build in BIN.

    bench/e2e/train.py BIN

Requests of the measured sizes and streams go through the gateway as in tools/bench, with and
without TLS, and path_count runs what needs no network: the adapters, limits, decisions. What the
load and the mock provider count about themselves is used as well and does no harm.
"""

import pathlib
import subprocess
import sys
import tempfile

import gateways
import machine
from load import WORKLOADS, load
from processes import Stage, raise_descriptors

REQUESTS = 6000  # of 4 KB


def main():
    bin_folder = pathlib.Path(sys.argv[1]).resolve()
    raise_descriptors()
    weir = next(g for g in gateways.GATEWAYS if g.name == "weir")
    with tempfile.TemporaryDirectory(prefix="weir-train-") as work:
        with Stage(work, bin_folder, machine.layout()) as stage:
            running = stage.open(weir)
            for upstream in ("plain", "tls"):
                for workload, (options, share) in WORKLOADS.items():
                    requests = max(100, int(REQUESTS * share))
                    load(stage, running, options + ["-c", 32, "-n", requests], upstream)
                    print(f"{workload} {upstream}: {requests} requests")
    subprocess.run([str(bin_folder / "path_count")], check=True)


if __name__ == "__main__":
    main()
