"""What one request costs a gateway: CPU time, system calls, instructions."""

import pathlib
import re
import subprocess
import time

from load import WORKLOADS, command_of, load
from processes import Failed, leaves_of, serves, tree_of

REQUESTS = 20_000  # of 4 KB, for one sample of CPU time


def cpu(stage, contenders, plan, progress):
    """CPU microseconds per request, everything on one core, contenders in turns that rotate."""
    samples = {}
    for number in range(plan.rounds):
        turn = number % len(contenders)
        for upstream, workload in plan.workloads:
            options, share = WORKLOADS[workload]
            requests = max(100, int(REQUESTS * share * plan.scale * (0.4 if upstream == "tls"
                                                                     else 1)))
            for running in contenders[turn:] + contenders[:turn]:
                if running.process is None or upstream not in running.gateway.model:
                    continue
                progress(f"cpu {workload} {upstream} {running.name}, round {number + 1}")
                report = load(stage, running, options + ["-c", plan.connections, "-n", requests],
                              upstream, cores=stage.layout.proxy)
                key = workload if upstream == "plain" else f"{workload} {upstream}"
                samples.setdefault(key, {}).setdefault(running.name, []).append(
                    report["cpu_us_per_request"])
    return samples


def syscalls_of(pid, command):
    """System calls of a process and its children while `command` runs; None: cannot be counted."""
    done = subprocess.run(["perf", "stat", "-x,", "-e", "raw_syscalls:sys_enter", "-p",
                           ",".join(map(str, pid)), "--"] + command, capture_output=True,
                          text=True, check=False)
    found = re.search(r"^(\d+),.*raw_syscalls", done.stderr, re.M)
    return int(found.group(1)) if found and done.returncode == 0 else None


def syscalls(stage, contenders, plan, progress):
    samples = {}
    for connections in (1, 32):
        for running in contenders:
            if running.process is None:
                continue
            progress(f"system calls at {connections} connections, {running.name}")
            requests = max(500, int(10_000 * plan.scale))
            load(stage, running, ["-c", connections, "-n", 500])
            command = command_of(stage, running, ["-c", connections, "-n", requests])
            try:
                count = syscalls_of(tree_of(running.process.pid), command)
            except FileNotFoundError:
                count = None
            if count is None:
                progress("perf stat does not count system calls here; left out")
                return samples
            samples.setdefault(f"{connections} connections", {}).setdefault(
                running.name, []).append(count / requests)
    return samples


def dumped(folder, mark, previous):
    """Instructions in callgrind's newest dumps with that mark, of all processes."""
    total, names = 0, set()
    for dump in pathlib.Path(folder).glob("callgrind.*"):
        text = dump.read_text(errors="replace")
        if f"Trigger: dump {mark}" in text and dump.name not in previous:
            names.add(dump.name)
            total += int(re.search(r"^(?:totals|summary): (\d+)", text, re.M).group(1))
    previous |= names
    return total if names else None


def control(running, pids, *command):
    """Commands are taken between two system calls, so a process that sleeps has to be woken."""
    for pid in pids:
        with subprocess.Popen(["callgrind_control", *command, str(pid)], stdout=subprocess.DEVNULL,
                              stderr=subprocess.DEVNULL) as process:
            for _ in range(200):
                time.sleep(0.05)
                if process.poll() is not None:
                    break
                serves(running, running.url("plain"))
            else:
                process.kill()


def counted(stage, running, options, requests, seen):
    """Instructions per request between two dumps, with one connection."""
    load(stage, running, options + ["-c", 1, "-n", 20])
    # A parent that only waits for its children does no work, and would never take a command.
    pids = leaves_of(running.process.pid)
    control(running, pids, "-z")
    load(stage, running, options + ["-c", 1, "-n", requests])
    # The log and the ledger are written behind the requests.
    time.sleep(0.3)
    mark = f"mark{len(seen)}"
    control(running, pids, "-d", mark)
    total = dumped(running.places.work, mark, seen)
    return None if total is None else total / requests


def instructions(stage, gateways, plan, progress):
    """Instructions in user space per request, under callgrind, of the whole process tree."""
    samples = {}
    for gateway, options in gateways:
        work = stage.work / f"{gateway.name}-{stage.count + 1}"
        prefix = ["env", "SIMDJSON_FORCE_IMPLEMENTATION=haswell", "valgrind", "--tool=callgrind",
                  "--trace-children=yes", "-q", f"--callgrind-out-file={work}/callgrind.%p"]
        name = options.pop("name", gateway.name)
        progress(f"instructions, {name}")
        try:
            running = stage.open(gateway, cores=stage.layout.all, prefix=prefix, **options)
        except Failed as reason:
            progress(f"{name} does not run under callgrind: {reason}")
            continue
        seen = set()
        for workload in plan.counted:
            flags, share = WORKLOADS[workload]
            requests = max(20, int(plan.counted_requests * share))
            value = counted(stage, running, flags, requests, seen)
            if value is None:
                progress("callgrind_control does not work here; instructions are left out")
                break
            samples.setdefault(workload, {}).setdefault(name, []).append(value)
        stage.end(running.process)
    return samples
