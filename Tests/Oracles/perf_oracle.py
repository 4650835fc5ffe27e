#!/usr/bin/env python3
"""What perf says of cgroups: kernel share and the shares of the system calls, with 95 % intervals, as JSON.

    perf_oracle.py --cgroup NAME... --seconds S [-o OUT.json]    records with perf (as root), then computes
    perf_oracle.py --data PERF.DATA --cgroup NAME... [-o OUT]    computes from a recording of the form below

With --during FILE.jostle only samples count that were taken while jostle made that recording; it waits for its end.

The recording is `perf record -a -g -k CLOCK_MONOTONIC -F 199 -e cpu-clock/name=c0/,cpu-clock/name=c1/ -G NAME0,NAME1`: perf
wants one cgroup per event, and the events' names tell afterwards which is whose. NAME is a path below the root of the
hierarchy that carries perf_event.
"""

import argparse
import collections
import contextlib
import json
import math
import os
import random
import re
import sqlite3
import subprocess
import sys
import tempfile
import time

from kernel_entry import entry

SLICE_SECONDS = 0.1
RESAMPLINGS = 1000
HEAD = re.compile(r"\s*(\d+)\s+(\d+\.\d+):\s+(\S+?):\s*$")
FRAME = re.compile(r"\s+([0-9a-f]+) (.*)$")
KERNEL_HALF = 1 << 63


def record(cgroups: list[str], seconds: float, frequency: int, data: str) -> None:
    events = ",".join(f"cpu-clock/name=c{index}/" for index in range(len(cgroups)))
    # With build IDs in the records of mappings, as jostle asks for: where two tools follow mappings and only one does, the
    # kernel (6.18) sets the flag for them in the other's records, too, and perf 6.1 dies of what it then takes for one.
    command = ["perf", "record", "-q", "-a", "-g", "--buildid-mmap", "-k", "CLOCK_MONOTONIC", "-F", str(frequency), "-e", events,
               "-G", ",".join(cgroups), "-o", data, "--", "sleep", str(seconds)]
    if subprocess.run(command, stdin=subprocess.DEVNULL).returncode != 0:
        sys.exit("perf_oracle: perf record fails; its own words are above")


def samples(data: str):
    """Yields (event, time in seconds, [(address, symbol), ...] innermost first) for each sample."""
    command = ["perf", "script", "-i", data, "-F", "tid,time,event,ip,sym", "--ns"]
    with tempfile.TemporaryFile("w+", errors="replace") as said, \
            subprocess.Popen(command, stdout=subprocess.PIPE, stderr=said, text=True, errors="replace") as script:
        head, frames = None, []
        for line in script.stdout:
            start = HEAD.match(line)
            if start:
                if head:
                    yield (*head, frames)
                head, frames = (start[3], float(start[2])), []
            elif (frame := FRAME.match(line)) and head:
                frames.append((int(frame[1], 16), frame[2].strip()))
        if head:
            yield (*head, frames)
        if script.wait() != 0:
            said.seek(0)
            sys.exit(f"perf_oracle: perf script ends with {script.returncode}: {said.read()[-500:]}")


def wilson(part: int, whole: int) -> tuple[float, float]:
    """The 95 % interval of a share of independent samples."""
    if whole == 0:
        return 0.0, 1.0
    z, share = 1.96, part / whole
    middle = (share + z * z / (2 * whole)) / (1 + z * z / whole)
    half = z * math.sqrt(share * (1 - share) / whole + z * z / (4 * whole * whole)) / (1 + z * z / whole)
    return max(0.0, middle - half), min(1.0, middle + half)


def share(slices: dict, part: str, whole: str) -> dict:
    """part/whole over all slices, with its interval.

    Bursts make neighbouring samples alike, so whole slices of time are drawn anew (block bootstrap); but a bootstrap knows
    nothing of what never came up, so the interval is never narrower than that of independent samples.
    """
    blocks = [(counts[part], counts[whole]) for counts in slices.values()]
    parts, wholes = sum(block[0] for block in blocks), sum(block[1] for block in blocks)
    low, high = wilson(parts, wholes)
    chance, drawn = random.Random(1), []
    for _ in range(RESAMPLINGS if wholes else 0):
        some = chance.choices(blocks, k=len(blocks))
        total = sum(block[1] for block in some)
        if total:
            drawn.append(sum(block[0] for block in some) / total)
    if drawn:
        drawn.sort()
        low, high = min(low, drawn[int(len(drawn) * 0.025)]), max(high, drawn[int(len(drawn) * 0.975)])
    return {"value": parts / wholes if wholes else None, "low": low, "high": high}


def joined(keys: set) -> dict:
    """Which entry each one counts as: `readv`, seen whole, is not told apart from `preadv2|readv`, seen after a jump."""
    groups = [(kind, set(name.split("|")), [(kind, name)]) for kind, name in sorted(keys)]
    index = 0
    while index < len(groups):
        kind, names, members = groups[index]
        other = next((one for one in groups[index + 1:] if one[0] == kind and one[1] & names), None)
        if other is None:
            index += 1
            continue
        groups.remove(other)
        groups[index] = (kind, names | other[1], members + other[2])
        index = 0
    return {member: (kind, "|".join(sorted(names))) for kind, names, members in groups for member in members}


def judge(cgroup: str, slices: dict) -> dict:
    keys = {key for counts in slices.values() for key in counts if isinstance(key, tuple)}
    standing_for = joined(keys)
    for counts in slices.values():
        for key, whole in standing_for.items():
            if key != whole and key in counts:
                counts[whole] += counts.pop(key)
    totals = sum(slices.values(), collections.Counter())
    entries = sorted(((count, *key) for key, count in totals.items() if isinstance(key, tuple)), reverse=True)
    return {
        "cgroup": cgroup,
        "samples": totals["all"],
        "kernel_samples": totals["kernel"],
        "kernel_share": share(slices, "kernel", "all"),
        "entries": [{"kind": kind, "name": name, "samples": count, "share": share(slices, (kind, name), "kernel")}
                    for count, kind, name in entries],
    }


def window(recording: str) -> tuple[float, float]:
    """When a jostle recording was made, in seconds of CLOCK_MONOTONIC; its file has the start by the wall clock."""
    for _ in range(600):
        with contextlib.closing(sqlite3.connect(f"file:{recording}?mode=ro", uri=True)) as database:
            facts = dict(database.execute("SELECT key, value FROM recording"))
        # A recorder that has just begun has made its tables and written no facts.
        if facts.get("finished"):
            start = facts["start_wall_ns"] - (time.time_ns() - time.monotonic_ns())
            return start / 1e9, (start + facts["duration_ns"]) / 1e9
        time.sleep(0.1)
    sys.exit(f"perf_oracle: {recording} does not come to its end")


def analyse(data: str, cgroups: list[str], during: tuple[float, float] = (0, math.inf)) -> list[dict]:
    slices = [collections.defaultdict(collections.Counter) for _ in cgroups]
    for event, at, frames in samples(data):
        if not during[0] <= at <= during[1]:
            continue
        index = int(event.removeprefix("c"))
        counts = slices[index][int(at / SLICE_SECONDS)]
        counts["all"] += 1
        # The sample's mode is that of its leaf; the frames below may be of the other.
        kernel = [symbol for address, symbol in frames if address >= KERNEL_HALF]
        if frames and frames[0][0] >= KERNEL_HALF:
            counts["kernel"] += 1
            counts[tuple(entry(kernel))] += 1
    return [judge(cgroup, counts) for cgroup, counts in zip(cgroups, slices)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cgroup", action="append", required=True)
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--frequency", type=int, default=199)
    parser.add_argument("--data", help="an existing perf.data; without it, perf records")
    parser.add_argument("--during", metavar="FILE.jostle", help="a jostle recording that is made meanwhile")
    parser.add_argument("-o", "--output")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        data = options.data or os.path.join(directory, "perf.data")
        if not options.data:
            record(options.cgroup, options.seconds, options.frequency, data)
        during = window(options.during) if options.during else (0, math.inf)
        result = {"schema": "jostle.perf-oracle", "cgroups": analyse(data, options.cgroup, during)}
    with open(options.output, "w") if options.output else sys.stdout as out:
        json.dump(result, out, indent=1)
        out.write("\n")


if __name__ == "__main__":
    main()
