"""How long requests take: added latency at a fixed rate, the frontier, streams, workers."""

from load import load

RATES = (250, 500, 1000, 2000, 3000, 4000, 6000, 8000, 12_000, 16_000, 24_000, 32_000)
BOUNDS_MS = (1, 5, 10)


def kept_up(report, rate):
    """Whether an open loop was really open: all of it went out, and came back."""
    return report["never_sent"] == 0 and report["rate_per_s"] > 0.95 * rate


def frontier(stage, contenders, plan, progress):
    """{contender: [{rate, p50, p99, ...}]}: open loop, latency counted from the due time."""
    samples, out = {}, set()
    for number, rate in enumerate(RATES[::plan.rate_step]):
        turn = number % len(contenders)
        for running in contenders[turn:] + contenders[:turn]:
            if running.name in out:
                continue
            progress(f"frontier at {rate}/s, {running.name}")
            report = load(stage, running, ["--body-bytes", 4096, "-c", 64, "--rate", rate,
                                           "--warmup", "200ms", "-d", f"{plan.seconds}s"],
                          tolerant=True)
            point = {"rate": rate, "kept_up": kept_up(report, rate), "curve": report["curve_us"],
                     **{key: report["latency_us"].get(key) for key in ("p50", "p99", "p99.9")}}
            samples.setdefault(running.name, []).append(point)
            if not point["kept_up"] or report["wrong"] or point["p99"] > 100_000:
                out.add(running.name)
    return samples


def best_rates(points):
    """{bound in ms: the highest rate whose p99 keeps it}"""
    best = {}
    for bound in BOUNDS_MS:
        kept = [point["rate"] for point in points
                if point["kept_up"] and point["p99"] is not None and point["p99"] <= bound * 1000]
        best[bound] = max(kept, default=0)
    return best


def added(stage, contenders, plan, progress):
    """p50 and p99 at a fixed rate, one sample for each round; direct is among the contenders."""
    samples = {"p50": {}, "p99": {}, "curve": {}}
    for number in range(plan.rounds):
        turn = number % len(contenders)
        for running in contenders[turn:] + contenders[:turn]:
            progress(f"latency at {plan.rate}/s, {running.name}, round {number + 1}")
            report = load(stage, running, ["--body-bytes", 4096, "-c", 64, "--rate", plan.rate,
                                           "--poisson", "--warmup", "200ms",
                                           "-d", f"{plan.seconds}s"], tolerant=True)
            for key in ("p50", "p99"):
                samples[key].setdefault(running.name, []).append(report["latency_us"].get(key))
            samples["curve"].setdefault(running.name, []).append(report["curve_us"])
    return samples


def streams(stage, contenders, plan, progress):
    """Time to the first event and gaps between events, for so many streams at once."""
    samples = {}
    for count in plan.streams:
        for running in contenders:
            if "words" not in running.gateway.model:
                continue
            progress(f"{count} streams at once, {running.name}")
            requests = max(count, plan.stream_requests)
            report = load(stage, running, ["--stream", "-c", count, "-n", requests], "plain",
                          running.gateway.model["words"], tolerant=True)
            found = samples.setdefault(str(count), {}).setdefault(running.name, {})
            for name in ("first_event_us", "event_gap_us"):
                for key in ("p50", "p99"):
                    value = report[name].get(key)
                    found.setdefault(f"{name[:-3]} {key}", []).append(value)
            found.setdefault("wrong", []).append(report["wrong"])
    return samples


def workers(stage, gateways, plan, progress):
    """Requests per second and CPU per request over numbers of workers, closed loop."""
    samples = {}
    for count in plan.workers:
        for gateway in gateways:
            progress(f"{count} workers, {gateway.name}")
            running = stage.open(gateway, cores=stage.layout.all, workers=count)
            for _ in range(2):
                report = load(stage, running, ["--body-bytes", 4096, "-c", 64,
                                               "-d", f"{plan.seconds}s", "--warmup", "200ms"],
                              cores=stage.layout.all, tolerant=True)
                found = samples.setdefault(str(count), {}).setdefault(gateway.name, {})
                found.setdefault("rate", []).append(report["rate_per_s"])
                found.setdefault("cpu_us", []).append(report["cpu_us_per_request"])
            stage.end(running.process)
    return samples
