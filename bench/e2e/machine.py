"""Where a measurement ran: processor, kernel, versions, and which core did what."""

import dataclasses
import datetime
import os
import pathlib
import platform
import re
import subprocess


@dataclasses.dataclass
class Layout:
    """Cores by role, as lists for taskset."""
    proxy: list
    load: list
    mock: list
    all: list


def layout(core=None):
    """Proxies on a core of their own; load and mock on others, if there are any."""
    cores = sorted(os.sched_getaffinity(0))
    proxy = cores[-1] if core is None else core
    others = [c for c in cores if c != proxy] or [proxy]
    return Layout(proxy=[proxy], load=[others[0]], mock=[others[-1]], all=cores)


def same_core(roles):
    return dataclasses.replace(roles, load=roles.proxy, mock=roles.proxy)


def said(*command):
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=20)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return (done.stdout + done.stderr).strip().splitlines()[0] if done.stdout + done.stderr else ""


def processor():
    text = pathlib.Path("/proc/cpuinfo").read_text()
    name = re.search(r"^model name\s*: (.*)", text, re.M)
    flags = re.search(r"^flags\s*: (.*)", text, re.M)
    simd = [f for f in ("avx2", "avx512f") if flags and f in flags.group(1).split()]
    return f"{name.group(1) if name else platform.machine()} ({', '.join(simd) or 'no AVX2'})"


def packages():
    names = ("libuv1", "libsimdjson14", "libssl3", "libmimalloc2.0", "libc6", "g++")
    versions = {}
    for name in names:
        found = said("dpkg-query", "-W", "-f", "${Version}", name)
        if found and "no packages" not in found:
            versions[name] = found
    return versions


def describe(root, weir, roles):
    memory = re.search(r"MemTotal:\s+(\d+)", pathlib.Path("/proc/meminfo").read_text())
    return {
        "date": datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d %H:%M UTC"),
        "processor": processor(),
        "cores": os.cpu_count(),
        "virtual": said("systemd-detect-virt") or "unknown",
        "memory_mb": int(memory.group(1)) // 1024 if memory else 0,
        "kernel": platform.release(),
        "load_before": os.getloadavg()[0],
        "commit": said("git", "-C", str(root), "describe", "--always", "--dirty"),
        "weir": said(str(weir), "--version"),
        "nginx": said("nginx", "-v"),
        "haproxy": said("haproxy", "-v"),
        "packages": packages(),
        "pinning": {"proxy": roles.proxy, "load": roles.load, "mock provider": roles.mock},
    }
