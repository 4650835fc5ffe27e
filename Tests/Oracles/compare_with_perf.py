#!/usr/bin/env python3
"""Compares a jostle report with what perf said of the same cgroups in the same seconds.

    compare_with_perf.py REPORT.json PERF.json [--cpu-stat-points 3] [-o OUT.json]

REPORT.json is from `jostle report --format json`, PERF.json from perf_oracle.py. For each cgroup: the kernel share, and
the shares that perf's top five system calls have of the kernel's CPU time. Prints a table; exits 1 where two 95 %
intervals do not overlap (or the kernel share is further from the cgroup's own count than asked), 2 where one side lacks
a cgroup. OUT.json gets what was compared, and whether it agrees.
"""

import argparse
import json
import sys

from perf_oracle import wilson

TOP = 5


def container_of(report: dict, cgroup: str) -> dict | None:
    """The report's container whose cgroup, below its hierarchy's root, is `cgroup`."""
    wanted = cgroup.strip("/")
    return next((one for one in report["containers"] if one.get("cgroup", "").strip("/") == wanted), None)


def matching(container: dict, name: str) -> list[dict]:
    """The rows of a system call: perf cannot tell `preadv2|readv` apart where jostle may, so all of perf's names count."""
    names = set(name.split("|"))
    return [row for row in container["syscalls"]
            if row.get("kind", "syscall") == "syscall" and set(row["name"].split("|")) <= names]


def jostle_share(container: dict, rows: list[dict]) -> dict:
    """The rows' share of the container's kernel CPU time.

    Its interval is at least that of independent samples. The report's own ones, which know of bursts, are of time on and
    off the CPU, while perf has seen the CPU alone: each row lends its interval in relation to its size.
    """
    whole = container["kernel_cpu_ns"]
    kernel_samples = round(container["samples"] * container["kernel_share"]["value"])
    value = below = above = 0.0
    for row in rows:
        part = row.get("kernel_cpu_ns", 0) / whole if whole else 0.0
        value += part
        share = row.get("share")
        if share and share["value"]:
            below += part * (1 - share["low"] / share["value"])
            above += part * (share["high"] / share["value"] - 1)
    low, high = wilson(round(value * kernel_samples), kernel_samples)
    return {"value": value, "low": max(0.0, min(low, value - below)), "high": min(1.0, max(high, value + above))}


def shown(share: dict) -> str:
    return f"{share['value'] * 100:5.1f} % [{share['low'] * 100:5.1f}, {share['high'] * 100:5.1f}]"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("report")
    parser.add_argument("perf")
    parser.add_argument("--cpu-stat-points", type=float,
                        help="how far the kernel share may be from the cgroup's own cpu.stat, in percentage points")
    parser.add_argument("-o", "--output")
    options = parser.parse_args()
    with open(options.report, encoding="utf-8") as file:
        report = json.load(file)
    with open(options.perf, encoding="utf-8") as file:
        perf = json.load(file)

    differing = missing = 0
    comparisons = []
    print(f"{'':44} {'jostle':>24} {'perf':>24}")
    for theirs in perf["cgroups"]:
        cgroup = theirs["cgroup"]
        ours = container_of(report, cgroup)
        if ours is None or not ours.get("samples") or not theirs["samples"]:
            print(f"{cgroup}: not on both sides, or without samples")
            missing += 1
            continue
        lines = [("kernel share", ours["kernel_share"], theirs["kernel_share"])]
        calls = [entry for entry in theirs["entries"] if entry["kind"] == "syscall"][:TOP]
        for call in calls:
            lines.append((call["name"], jostle_share(ours, matching(ours, call["name"])), call["share"]))
        for name, left, right in lines:
            agree = left["low"] <= right["high"] and right["low"] <= left["high"]
            differing += not agree
            comparisons.append({"cgroup": cgroup, "what": name, "jostle": left, "perf": right, "agree": agree})
            print(f"{cgroup[-24:]:24} {name[-19:]:19} {shown(left):>24} {shown(right):>24}{'' if agree else '  DIFFERS'}")
        witness = ours.get("cgroup_kernel_share")
        if witness is not None:
            points = abs(ours["kernel_share"]["value"] - witness) * 100
            far = options.cpu_stat_points is not None and points > options.cpu_stat_points
            differing += far
            comparisons.append({"cgroup": cgroup, "what": "cpu.stat", "jostle": ours["kernel_share"],
                                "cpu_stat": witness, "agree": not far})
            print(f"{cgroup[-24:]:24} {'cpu.stat':19} {witness * 100:5.1f} %, {points:.1f} points from jostle's"
                  f"{'  TOO FAR' if far else ''}")
    if options.output:
        with open(options.output, "w", encoding="utf-8") as out:
            json.dump({"schema": "jostle.perf-comparison", "missing": missing, "comparisons": comparisons}, out, indent=1)
    return 2 if missing else 1 if differing else 0


if __name__ == "__main__":
    sys.exit(main())
