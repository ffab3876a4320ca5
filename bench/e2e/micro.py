"""Runs the Google Benchmarks and reads their results."""

import json
import subprocess

from processes import Failed, start

UNIT = {"ns": 1, "us": 1e3, "ms": 1e6, "s": 1e9}


def programs(root):
    return sorted(path.stem for path in (root / "bench").glob("*_bench.cc"))


def run(binary, core, min_time, repetitions, wanted):
    """{benchmark: {ns: [one for each repetition], and rates}}"""
    command = [str(binary), "--benchmark_format=json", f"--benchmark_min_time={min_time}",
               f"--benchmark_repetitions={repetitions}", "--benchmark_enable_random_interleaving=0"]
    if wanted:
        command.append(f"--benchmark_filter={wanted}")
    done = start(command, core, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    text, errors = done.communicate(timeout=1800)
    if done.returncode != 0:
        raise Failed(f"{binary.name}: {errors[-1000:]}")
    found = {}
    for row in json.loads(text)["benchmarks"] if text.strip() else []:
        if row.get("run_type") == "aggregate":
            continue
        if row.get("error_occurred"):
            raise Failed(f"{row['name']}: {row.get('error_message')}")
        # Also with threads: wall time would be that of whoever shares the cores.
        time = row["cpu_time"]
        entry = found.setdefault(row["run_name"], {"ns": []})
        entry["ns"].append(time * UNIT[row["time_unit"]])
        for rate in ("items_per_second", "bytes_per_second"):
            if rate in row:
                entry.setdefault(rate, []).append(row[rate])
    return found


def micro(root, binaries, roles, plan, progress):
    results = {}
    for program in programs(root):
        binary = binaries / program
        if not binary.exists():
            progress(f"{program} is not built; left out")
            continue
        progress(program)
        cores = roles.all if "limit" in program else roles.proxy
        results[program] = run(binary, cores, plan.min_time, plan.repetitions, plan.filter)
    return results
