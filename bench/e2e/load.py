"""Runs weir_load against a gateway and reads what it found."""

import json
import pathlib
import subprocess

from processes import Failed, start

# Body and kind of the requests; `scale` says how many of them are worth one of 4 KB.
WORKLOADS = {
    "0.3K": (["--body-bytes", "300"], 1.0),
    "4K": (["--body-bytes", "4096"], 1.0),
    # A number in each body is another, so that none is known by one before it.
    "0.3K new": (["--body-bytes", "300", "--new-shapes"], 1.0),
    "4K new": (["--body-bytes", "4096", "--new-shapes"], 1.0),
    "64K": (["--body-bytes", "65536"], 0.3),
    "400K": (["--body-bytes", "409600"], 0.05),
    "sse": (["--body-bytes", "300", "--stream"], 0.12),
}


def command_of(stage, running, options, upstream="plain", model=None):
    command = [str(stage.bin / "weir_load"), running.url(upstream),
               "--path", running.gateway.path, "--model", model or running.gateway.model[upstream],
               "--quiet"]
    for header in running.gateway.headers:
        command += ["--header", header]
    return command + [str(option) for option in options]


def load(stage, running, options, upstream="plain", model=None, cores=None, tolerant=False):
    """The report of weir_load, as a dictionary. Wrong answers end the run unless `tolerant`."""
    out = pathlib.Path(stage.work) / "load.json"
    out.unlink(missing_ok=True)
    command = command_of(stage, running, list(options) + ["--json", out], upstream, model)
    if tolerant:
        command.append("--allow-errors")
    if running.process is not None:
        command += ["--cpu-of", str(running.process.pid)]
    process = start(command, cores or stage.layout.load, stdout=subprocess.PIPE,
                    stderr=subprocess.STDOUT, text=True)
    try:
        text, _ = process.communicate(timeout=600)
    finally:
        if process.poll() is None:
            process.kill()
    if process.returncode != 0 or not out.exists():
        reason = json.loads(out.read_text())["errors"] if out.exists() else text[-1000:]
        raise Failed(f"{running.name}: wrong answers to {' '.join(command)}: {reason}")
    return json.loads(out.read_text())
