#!/usr/bin/env python3
"""Compares the call sites of a jostle report with those that perf found in the same seconds.

    compare_call_sites.py REPORT.json SITES.json --cgroup PATH [-o OUT.json]

REPORT.json is from `jostle report --format json` of a recording without time off the CPU, SITES.json from
perf_call_sites.py. Each pair of a system call and the function that made it, which either side gives 3 % of all system
calls' samples or more, is compared by its share of them. Prints a table; exits 1 where two 95 % intervals do not overlap.
"""

import argparse
import collections
import json
import sys

from compare_with_perf import container_of, shown
from perf_oracle import wilson

LEAST_SHARE = 0.03


def jostle_sites(container: dict) -> dict[tuple[str, str], dict]:
    """The share that each pair has, with an interval: at least that of independent samples, and at least as wide in
    relation to its size as its system call's, which knows of bursts."""
    times, slack = collections.Counter(), {}
    for row in container["syscalls"]:
        if row.get("kind", "syscall") != "syscall":
            continue
        whole = row["share"]
        for site in row.get("call_sites", []):
            pair = row["name"], site.get("function") or "?"
            times[pair] += site["kernel_time_ns"]
            slack[pair] = (1 - whole["low"] / whole["value"], whole["high"] / whole["value"] - 1) if whole["value"] else (0, 0)
    total = sum(times.values())
    # All of these samples weigh the same.
    samples = container["samples"] * total / container["cpu_ns"] if container["cpu_ns"] else 0
    shares = {}
    for pair, time in times.items():
        value = time / total
        low, high = wilson(round(value * samples), round(samples))
        below, above = slack[pair]
        shares[pair] = {"value": value, "low": max(0.0, min(low, value * (1 - below))),
                        "high": min(1.0, max(high, value * (1 + above)))}
    return shares


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("report")
    parser.add_argument("sites")
    parser.add_argument("--cgroup", required=True)
    parser.add_argument("-o", "--output")
    options = parser.parse_args()
    with open(options.report, encoding="utf-8") as file:
        report = json.load(file)
    with open(options.sites, encoding="utf-8") as file:
        perf = json.load(file)
    container = container_of(report, options.cgroup)
    theirs = {(site["syscall"], site["function"]): site["share"] for site in perf["sites"]}
    ours = jostle_sites(container) if container else {}
    if not ours or not theirs:
        print("compare_call_sites: one side has no call sites", file=sys.stderr)
        return 2
    wanted = {pair for side in (ours, theirs) for pair, share in side.items() if share["value"] >= LEAST_SHARE}
    comparisons, differing = [], 0
    for pair in sorted(wanted):
        # A pair that one side lacks has no sample of the other's many.
        nothing = {"value": 0.0, "low": 0.0, "high": 0.0}
        left, right = ours.get(pair, nothing), theirs.get(pair, nothing)
        agree = left["low"] <= right["high"] and right["low"] <= left["high"]
        differing += not agree
        what = f"{pair[0]} from {pair[1]}"
        comparisons.append({"what": what, "jostle": left, "perf": right, "agree": agree})
        print(f"{what:56} {shown(left):>24} {shown(right):>24}{'' if agree else '  DIFFERS'}")
    if options.output:
        with open(options.output, "w", encoding="utf-8") as out:
            json.dump({"schema": "jostle.call-site-comparison", "comparisons": comparisons}, out, indent=1)
    return 1 if differing else 0


if __name__ == "__main__":
    sys.exit(main())
