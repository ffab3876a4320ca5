"""Writes one folder: report.md, results.json with every sample, and the plots."""

import json
import statistics

import svg
from measure_time import BOUNDS_MS, best_rates

mid = statistics.median

# (where in the results, key, against, must, stretch): ratios; without `against` absolute figures.
TARGETS = (
    ("cpu", "0.3K", "nginx", 0.80, 0.68), ("cpu", "4K", "nginx", 0.75, 0.65),
    ("cpu", "64K", "nginx", 1.10, 0.95), ("cpu", "sse", "nginx", 0.95, 0.85),
    ("cpu", "0.3K", "haproxy", 0.75, 0.62), ("cpu", "4K", "haproxy", 0.75, 0.62),
    ("cpu", "64K", "haproxy", 0.75, 0.62),
    ("syscalls", "1 connections", None, 6.1, 6.05), ("syscalls", "32 connections", None, 4.6, 4.3),
    ("instructions", "0.3K", "nginx", 0.60, 0.45), ("instructions", "4K", "nginx", 0.80, 0.60),
    ("memory", "per idle connection", None, 1.5, 0.6),
    ("memory", "after load", None, 16 * 1024, 8 * 1024),
)
UNITS = {"cpu": "CPU microseconds per request", "syscalls": "system calls per request",
         "instructions": "user instructions per request", "memory": "KB of memory"}


def show(value):
    if value is None:
        return "-"
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.2f}"


def spread(samples):
    """Largest to smallest, as a share of the median."""
    middle = mid(samples)
    return (max(samples) - min(samples)) / middle if middle else 0.0


def table(head, rows):
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    return lines + ["| " + " | ".join(row) + " |" for row in rows] + [""]


def by_name(samples, unit):
    """A table with a row for each contender and a column for each key."""
    names = list(dict.fromkeys(name for row in samples.values() for name in row))
    rows = []
    for name in names:
        row = [name]
        for values in samples.values():
            if name not in values:
                row.append("-")
                continue
            text = show(mid(values[name]))
            if len(values[name]) > 1:
                text += f" ±{spread(values[name]) / 2:.0%}"
            if name != "nginx" and "nginx" in values and mid(values["nginx"]) > 0:
                text += f" ({mid(values[name]) / mid(values['nginx']):.2f})"
            row.append(text)
        rows.append(row)
    return [f"{unit}; in brackets the ratio to nginx.", ""] + table([""] + list(samples), rows)


def targets(results):
    rows = []
    for where, key, against, must, stretch in TARGETS:
        row = results.get(where, {}).get(key, {})
        if "weir" not in row or (against and against not in row):
            continue
        value = mid(row["weir"])
        if against:
            value /= mid(row[against])
        verdict = "stretch" if value <= stretch else "must" if value <= must else "MISSED"
        what = f"{UNITS[where]}, {key}" + (f", to {against}" if against else "")
        rows.append([what, show(value), show(must), show(stretch), verdict])
    return table(["what", "weir", "must", "stretch", "reached"], rows) if rows else []


def frontier_part(results, folder):
    points = results["frontier"]
    lines = {name: [(p["rate"], p["p99"] / 1000) for p in row if p["p99"]]
             for name, row in points.items()}
    (folder / "frontier.svg").write_text(svg.plot(
        "Requests per second and the latency that 99% stay under (4 KB, open loop)",
        "requests per second", "p99, ms", lines, x_log=True, y_log=True))
    rows = []
    for name, row in points.items():
        best = best_rates(row)
        rows.append([name] + [f"{best[bound]:,}" for bound in BOUNDS_MS])
    return (["## Requests per second within a bound of latency", "",
             "Open loop: requests are due at a fixed rate whether or not earlier ones were",
             "answered, and latency counts from the due time. The highest rate of the ladder that",
             "kept p99.", ""]
            + table([""] + [f"p99 <= {b} ms" for b in BOUNDS_MS], rows)
            + ["![frontier](frontier.svg)", ""])


def latency_part(results, folder):
    found = results["latency"]
    names = {100 - p: f"p{p:g}" for p in (50, 90, 99, 99.9, 99.99)}
    curves = {}
    for name, samples in found["curve"].items():
        best = min(samples, key=lambda c: dict(map(tuple, c)).get(99.0, 1e18)) if samples else []
        curves[name] = [(1 / (100 - p), us / 1000) for p, us in best if 0 < p < 100]
    (folder / "latency.svg").write_text(svg.plot(
        f"Latency at {results['options']['rate']} requests per second (4 KB, open loop)",
        "percentile", "ms", curves, x_log=True, y_log=True,
        x_names={1 / rest: text for rest, text in names.items()}))
    rows = []
    direct = {key: mid(found[key]["direct"]) for key in ("p50", "p99")}
    for name in found["p50"]:
        values = {key: mid(found[key][name]) for key in ("p50", "p99")}
        rows.append([name] + [show(values[k]) for k in values]
                    + [show(values[k] - direct[k]) for k in values])
    return (["## Latency at a fixed rate", "", "Microseconds; what a gateway adds is its own less "
             "that of no gateway.", ""]
            + table(["", "p50", "p99", "added p50", "added p99"], rows)
            + ["![latency](latency.svg)", ""])


def streams_part(results):
    lines = ["## Streams", "", "64 events, 20 ms apart. Microseconds, and what is added to no "
             "gateway at all.", ""]
    for count, row in results["streams"].items():
        keys = ["first_event p50", "first_event p99", "event_gap p50", "event_gap p99"]
        rows = []
        for name, found in row.items():
            cells = [name]
            for key in keys:
                value, direct = mid(found[key]), mid(row["direct"][key])
                cells.append(show(value) if name == "direct" else
                             f"{show(value)} (+{show(value - direct)})")
            rows.append(cells + [str(sum(found["wrong"]))])
        lines += [f"{count} at once:", ""] + table([""] + keys + ["wrong"], rows)
    return lines


def workers_part(results, folder):
    lines, rows = {}, []
    for count, row in results["workers"].items():
        for name, found in row.items():
            lines.setdefault(name, []).append((int(count), mid(found["rate"])))
            rows.append([count, name, show(mid(found["rate"])), show(mid(found["cpu_us"]))])
    (folder / "workers.svg").write_text(svg.plot(
        "Requests per second over workers (4 KB, closed loop)", "workers", "requests per second",
        lines, x_names={int(c): c for c in results["workers"]}))
    return (["## Workers", "", "All cores are shared with the load and the mock provider.", ""]
            + table(["workers", "", "requests/s", "CPU us"], rows)
            + ["![workers](workers.svg)", ""])


def micro_part(results):
    lines = ["## Parts alone", "", "Google Benchmark; the median of the repetitions.", ""]
    for program, found in results["micro"].items():
        rows = []
        for name, entry in found.items():
            rate = ""
            if "items_per_second" in entry:
                rate = f"{mid(entry['items_per_second']) / 1e6:,.2f} M/s"
            elif "bytes_per_second" in entry:
                rate = f"{mid(entry['bytes_per_second']) / 1e9:,.2f} GB/s"
            rows.append([f"`{name}`", show(mid(entry["ns"])), f"{spread(entry['ns']):.0%}", rate])
        if rows:
            lines += [f"### {program}", ""] + table(["", "ns", "spread", ""], rows)
    return lines


def machine_part(results):
    told = results["machine"]
    lines = ["## Machine", ""]
    for key, value in told.items():
        if isinstance(value, dict):
            value = ", ".join(f"{k} {v}" for k, v in value.items())
        lines.append(f"- {key.replace('_', ' ')}: {value}")
    return lines + [f"- options: {results['options']}", ""]


def write(results, folder):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "results.json").write_text(json.dumps(results, indent=1) + "\n")
    lines = ["# Weir's measurements", "", "Ratios within one run hold; absolute times are of this "
             "machine at that hour.", ""]
    if goals := targets(results):
        lines += ["## Targets", ""] + goals
    for where, title in (("cpu", "CPU"), ("syscalls", "System calls"),
                         ("instructions", "Instructions"), ("memory", "Memory")):
        if results.get(where):
            lines += [f"## {title}", ""] + by_name(results[where], UNITS[where])
    if results.get("latency", {}).get("p50"):
        lines += latency_part(results, folder)
    if results.get("frontier"):
        lines += frontier_part(results, folder)
    if results.get("streams"):
        lines += streams_part(results)
    if results.get("workers"):
        lines += workers_part(results, folder)
    if results.get("micro"):
        lines += micro_part(results)
    if results.get("left_out"):
        lines += ["## Left out", ""] + [f"- {what}" for what in results["left_out"]] + [""]
    (folder / "report.md").write_text("\n".join(lines + machine_part(results)))
    return folder / "report.md"
