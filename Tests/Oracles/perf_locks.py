#!/usr/bin/env python3
"""Seconds waited for each lock, by its address, as `perf lock record` saw them, beside a jostle recording made meanwhile.

    perf_locks.py --during FILE.jostle [-o OUT.json] [--top N]

Waits are paired here, by thread and lock and from the first begin to the end, apart from jostle's code. What counts are waits
of threads that the jostle recording names, that end in one of its slices of 100 ms between the first and the last that have
any: before and after these its events were being switched on and off.
"""

import argparse
import collections
import contextlib
import json
import os
import re
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time

from perf_oracle import window

SLICE = 100_000_000

LINE = re.compile(r"\s*(-?\d+)\s+(\d+\.\d+):\s+lock:contention_(begin|end):\s+0x([0-9a-f]+)")


def record(data: str, recording: str) -> float:
    """Records until the jostle recording has come to its end; returns that one's start, in seconds of CLOCK_MONOTONIC."""
    # Ends with this script, however that ends. Without build IDs, which take a while at the end and nobody needs here.
    command = ["setpriv", "--pdeathsig", "INT", "perf", "lock", "record", "-q", "-B", "-N", "-a", "-k", "CLOCK_MONOTONIC",
               "-o", data]
    # Whoever started this may have had signals blocked, as worker threads have; perf would never hear of its end.
    signal.pthread_sigmask(signal.SIG_SETMASK, [])
    with tempfile.TemporaryFile("w+", errors="replace") as said:
        perf = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=said, stderr=said, start_new_session=True)
        try:
            for _ in range(300):
                if os.path.exists(recording):
                    break
                time.sleep(0.1)
            time.sleep(1)  # until its tables are there
            start = window(recording)[0]
        finally:
            perf.send_signal(signal.SIGINT)
            perf.wait(timeout=60)
        # Having written its file, it passes on the signal that ended it.
        if perf.returncode not in (0, -signal.SIGINT, -signal.SIGTERM) or not os.path.exists(data):
            said.seek(0)
            sys.exit(f"perf_locks: perf lock record ends with {perf.returncode}: {said.read()[-500:]}")
    return start


def events(data: str):
    """(thread, nanoseconds, whether it is a begin, address) for each event; None for records that perf lost."""
    command = ["perf", "script", "-i", data, "-F", "tid,time,event,trace", "--ns", "--show-lost-events", "-G"]
    with tempfile.TemporaryFile("w+", errors="replace") as said, \
            subprocess.Popen(command, stdout=subprocess.PIPE, stderr=said, text=True, errors="replace") as script:
        for line in script.stdout:
            if found := LINE.match(line):
                seconds, fraction = found[2].split(".")
                yield int(found[1]), int(seconds) * 10**9 + int(fraction), found[3] == "begin", int(found[4], 16)
            elif "PERF_RECORD_LOST" in line:
                yield None
        if script.wait() != 0:
            said.seek(0)
            sys.exit(f"perf_locks: perf script ends with {script.returncode}: {said.read()[-500:]}")


def waits(data: str, threads: set[int], start: int, end: int) -> tuple[dict, int]:
    begun: dict[tuple[int, int], int] = {}
    sums: dict[int, list[int]] = collections.defaultdict(lambda: [0, 0])
    lost = 0
    for event in events(data):
        if event is None:
            lost += 1
            continue
        thread, time, is_begin, address = event
        if thread not in threads:
            continue
        if is_begin:
            begun.setdefault((thread, address), time)
            continue
        since = begun.pop((thread, address), None)
        if since is None or not start <= time < end:
            continue
        sums[address][0] += 1
        sums[address][1] += time - since
    return sums, lost


def ours(recording: str) -> tuple[set[int], tuple[int, int], dict]:
    """The threads, the whole slices with waits (from the first to behind the last), and the waits in them by address."""
    with contextlib.closing(sqlite3.connect(f"file:{recording}?mode=ro", uri=True)) as database:
        threads = {row[0] for row in database.execute("SELECT tid FROM threads")}
        first, last = database.execute("SELECT min(time), max(time) FROM lock_waits").fetchone()
        if first is None:
            sys.exit(f"perf_locks: {recording} has no waits for locks")
        slices = first + SLICE, last
        sums = {
            address & (1 << 64) - 1: [contentions, waited]
            for address, contentions, waited in database.execute(
                "SELECT l.address, sum(w.contentions), sum(w.waited_ns) FROM lock_waits w JOIN locks l ON l.id = w.lock "
                "WHERE w.time >= ? AND w.time < ? GROUP BY l.address", slices)
        }
    return threads, slices, sums


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--during", metavar="FILE.jostle", required=True)
    parser.add_argument("--top", type=int, default=3, help="locks, longest waited for first (default: %(default)s)")
    parser.add_argument("-o", "--output")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        data = os.path.join(directory, "perf.data")
        start = int(record(data, options.during) * 1e9)
        threads, slices, jostle = ours(options.during)
        perf, lost = waits(data, threads, start + slices[0], start + slices[1])
        own = subprocess.run(["perf", "lock", "contention", "-i", data], capture_output=True, text=True,
                             stdin=subprocess.DEVNULL, errors="replace")
    addresses = sorted(set(jostle) | set(perf), key=lambda address: -perf.get(address, [0, 0])[1])[:options.top]
    result = {
        "schema": "jostle.perf-locks", "seconds": (slices[1] - slices[0]) / 1e9, "perf_lost": lost,
        "locks": [{
            "address": f"0x{address:x}",
            "jostle": {"contentions": jostle.get(address, [0, 0])[0], "wait_ns": jostle.get(address, [0, 0])[1]},
            "perf": {"contentions": perf.get(address, [0, 0])[0], "wait_ns": perf.get(address, [0, 0])[1]},
        } for address in addresses],
        # Of its whole recording, and so of more seconds than jostle's.
        "perf_lock_contention": (own.stdout + own.stderr).splitlines()[:6],
    }
    with open(options.output, "w") if options.output else contextlib.nullcontext(sys.stdout) as out:
        json.dump(result, out, indent=1)
        out.write("\n")


if __name__ == "__main__":
    main()
