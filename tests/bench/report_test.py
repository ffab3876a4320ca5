#!/usr/bin/env python3
"""The parts of tools/bench that judge: what is noise, what a plot and a report hold, and entries of
other gateways. No program is started."""

import json
import pathlib
import sys
import tempfile
import unittest
import xml.dom.minidom

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "bench/e2e"))
# pylint: disable=wrong-import-position
import compare  # noqa: E402
import gateways  # noqa: E402
import report  # noqa: E402
import svg  # noqa: E402
from measure_time import best_rates  # noqa: E402


def point(rate, p99, kept_up=True):
    return {"rate": rate, "p50": p99 / 2, "p99": p99, "kept_up": kept_up}


RESULTS = {
    "machine": {"processor": "p", "kernel": "k", "cores": 2},
    "options": {"rate": 1000},
    "left_out": ["mine: it is not on this machine"],
    "cpu": {"4K": {"weir": [6.0, 6.2, 6.1], "nginx": [8.0, 8.1, 8.3]}},
    "syscalls": {"1 connections": {"weir": [6.02]}},
    "memory": {"after load": {"weir": [20 * 1024]}},
    "latency": {"p50": {"weir": [120], "direct": [100]}, "p99": {"weir": [300], "direct": [200]},
                "curve": {"weir": [[[50, 120.0], [99, 300.0]]], "direct": [[[50, 100.0]]]}},
    "frontier": {"weir": [point(1000, 800), point(2000, 4000), point(4000, 900, False)]},
    "streams": {"1": {name: {f"{what} {p}": [value] for what in ("first_event", "event_gap")
                             for p in ("p50", "p99")} | {"wrong": [0]}
                      for name, value in (("weir", 30), ("direct", 20))}},
    "workers": {"1": {"weir": {"rate": [5000], "cpu_us": [9]}}},
    "micro": {"a_bench": {"thing/4": {"ns": [10, 11], "items_per_second": [1e8, 9e7]}}},
}


class Judging(unittest.TestCase):
    def test_noise_is_what_the_samples_allow(self):
        self.assertEqual(compare.judge([10, 11, 12], [11, 12, 13])[3], "noise")
        self.assertEqual(compare.judge([10, 11, 12], [7, 8, 9])[3], "less")
        self.assertEqual(compare.judge([10, 11, 12], [13, 14, 15])[3], "MORE")

    def test_few_samples_know_nothing_of_their_spread(self):
        self.assertEqual(compare.judge([10], [10.8])[3], "noise")
        self.assertEqual(compare.judge([10], [12])[3], "MORE")

    def test_counts_have_no_noise(self):
        self.assertEqual(compare.judge_counted([100], [102])[3], "MORE")

    def test_worse_figures_are_counted(self):
        worse = json.loads(json.dumps(RESULTS))
        worse["cpu"]["4K"]["weir"] = [9.0, 9.1, 9.2]
        lines = []
        self.assertEqual(compare.compare(RESULTS, worse, lines.append), 1)
        self.assertTrue(any("cpu / 4K / weir" in line and "MORE" in line for line in lines))

    def test_rates_count_only_when_the_loop_was_open(self):
        self.assertEqual(best_rates(RESULTS["frontier"]["weir"]), {1: 1000, 5: 2000, 10: 2000})


class Writing(unittest.TestCase):
    def test_plots_are_xml(self):
        for log in (False, True):
            text = svg.plot("a < b", "x", "y", {"one & two": [(1, 2), (10, 300)]}, log, log)
            self.assertEqual(xml.dom.minidom.parseString(text).documentElement.tagName, "svg")

    def test_a_report_names_targets_missed_and_reached(self):
        with tempfile.TemporaryDirectory() as folder:
            text = report.write(RESULTS, pathlib.Path(folder)).read_text()
            self.assertEqual(json.loads((pathlib.Path(folder) / "results.json").read_text()),
                             RESULTS)
            self.assertTrue((pathlib.Path(folder) / "frontier.svg").exists())
        self.assertIn("| CPU microseconds per request, 4K, to nginx | 0.75 | 0.75 | 0.65 |", text)
        self.assertIn("| KB of memory, after load | 20,480 | 16,384 | 8,192 | MISSED |", text)
        self.assertIn("| system calls per request, 1 connections | 6.02 | 6.10 | 6.05 | stretch |",
                      text)
        self.assertIn("(+10.00)", text)
        self.assertIn("it is not on this machine", text)

    def test_entries_of_other_gateways(self):
        with tempfile.TemporaryDirectory() as folder:
            file = pathlib.Path(folder) / "mine.json"
            file.write_text(json.dumps([{"name": "mine", "command": ["$bin/none", "$port"],
                                         "port": {"plain": "port"}}]))
            mine = gateways.read(file)[0]
            self.assertFalse(mine.present(folder))
            (pathlib.Path(folder) / "none").write_text("")
            (pathlib.Path(folder) / "none").chmod(0o755)
            self.assertTrue(mine.present(folder))


if __name__ == "__main__":
    unittest.main()
