"""Compares two results.json: ratios with their spread, and what is noise."""

import statistics

PARTS = ("cpu", "syscalls", "instructions", "memory", "latency", "streams", "workers", "micro")
# Raw material of plots, and rates that say the same as the time beside them.
SKIPPED = ("curve", "wrong", "items_per_second", "bytes_per_second")


def samples_of(results):
    """{path: [samples]} of every list of numbers in the results."""
    found = {}

    def walk(path, node):
        if isinstance(node, dict):
            for key, value in node.items():
                if key not in SKIPPED:
                    walk(path + (key,), value)
        elif isinstance(node, list) and node and all(isinstance(v, (int, float)) for v in node):
            found[path] = node

    for part in PARTS:
        walk((part,), results.get(part, {}))
    return found


def judge(old, new):
    """(ratio of medians, lowest, highest ratio that the samples allow, verdict)"""
    ratio = statistics.median(new) / statistics.median(old)
    if min(old) <= 0 or min(new) <= 0:
        return ratio, ratio, ratio, "?"
    low, high = min(new) / max(old), max(new) / min(old)
    if len(old) < 3 or len(new) < 3:
        # Too few samples to know their spread: what is counted repeats to 1%, what is timed to 10%.
        low, high = min(low, ratio * 0.9), max(high, ratio * 1.1)
    if low <= 1 <= high:
        return ratio, low, high, "noise"
    return ratio, low, high, "less" if high < 1 else "MORE"


def judge_counted(old, new):
    """Counts hardly depend on the machine."""
    ratio = statistics.median(new) / statistics.median(old)
    verdict = "noise" if 0.99 <= ratio <= 1.01 else "less" if ratio < 1 else "MORE"
    return ratio, ratio, ratio, verdict


def compare(old, new, out=print):
    """Prints a line for each figure that both have; returns how many got worse beyond noise."""
    before, after = samples_of(old), samples_of(new)
    shared = [path for path in after if path in before and statistics.median(before[path]) > 0]
    told = old.get("machine", {}), new.get("machine", {})
    for key in ("processor", "kernel", "cores"):
        if told[0].get(key) != told[1].get(key):
            out(f"different machines ({key}: {told[0].get(key)} / {told[1].get(key)}): only counts "
                "and ratios between contenders can be compared")
            break
    width = max((len(" / ".join(path)) for path in shared), default=0)
    counts = {"less": 0, "MORE": 0, "noise": 0, "?": 0}
    for path in shared:
        counted = path[0] in ("syscalls", "instructions")
        ratio, low, high, verdict = (judge_counted if counted else judge)(before[path], after[path])
        counts[verdict] += 1
        out(f"{' / '.join(path):{width}}  {statistics.median(before[path]):12.2f} -> "
            f"{statistics.median(after[path]):12.2f}  x{ratio:.3f} [{low:.3f} .. {high:.3f}]  "
            f"{verdict}")
    out(f"{len(shared)} figures in both: {counts['less']} less, {counts['MORE']} more, "
        f"{counts['noise']} within noise; {len(after) - len(shared)} only in the new, "
        f"{len(before) - len(shared)} only in the old")
    return counts["MORE"]
