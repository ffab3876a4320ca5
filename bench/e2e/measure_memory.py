"""Memory of a gateway's processes: fresh, after load, per idle connection, with many streams."""

import pathlib
import subprocess
import time

from load import command_of, load
from processes import Failed, connections_allowed, resident_kb, start


def settle(pid, seconds=1.0):
    time.sleep(seconds)
    return resident_kb(pid)


def hold_idle(stage, running, count):
    """KB of the gateway while `count` keep-alive connections are idle, after one request each."""
    out = pathlib.Path(stage.work) / "idle.out"
    with open(out, "w", encoding="utf-8") as file:
        holder = start(command_of(stage, running, ["--idle", count, "-d", 600]),
                       stage.layout.load, stdout=file, stderr=file)
    try:
        for _ in range(1200):
            if out.read_text() or holder.poll() is not None:
                break
            time.sleep(0.05)
        if holder.poll() is not None:
            raise Failed(f"{running.name}: idle connections: {out.read_text()[-500:]}")
        return settle(running.process.pid)
    finally:
        if holder.poll() is None:
            holder.terminate()
        holder.wait()


def hold_streams(stage, running, count, kind):
    """Peak KB of the gateway while `count` streams are open; "long" ones last some 16 seconds."""
    options = ["--stream", "-c", count, "-n", count, "--allow-errors", "--timeout", "120s"]
    process = start(command_of(stage, running, options, "plain", running.gateway.model[kind]),
                    stage.layout.load, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    peak = 0
    while process.poll() is None:
        peak = max(peak, resident_kb(running.process.pid))
        time.sleep(0.1)
    return peak


def memory(stage, gateways, plan, progress):
    """KB by moment and gateway."""
    samples = {}
    streams = min(plan.held_streams, connections_allowed())
    for gateway in gateways:
        def put(what, value, name=gateway.name):
            samples.setdefault(what, {}).setdefault(name, []).append(value)
        progress(f"memory, {gateway.name}")
        running = stage.open(gateway)
        pid = running.process.pid
        put("fresh", settle(pid))
        load(stage, running, ["--body-bytes", 4096, "-c", 64, "-n", int(20_000 * plan.scale) + 500])
        put("after load", settle(pid))
        before = resident_kb(pid)
        progress(f"memory, {gateway.name}, {plan.idle} idle connections")
        idle = hold_idle(stage, running, plan.idle)
        put("per idle connection", (idle - before) / plan.idle)
        if plan.held in gateway.model:
            progress(f"memory, {gateway.name}, {streams} streams")
            put(f"{streams} streams", hold_streams(stage, running, streams, plan.held))
            put("idle again", settle(pid, 2))
        stage.end(running.process)
    return samples
