#!/usr/bin/env python3
"""Which functions lead into which system calls, by perf's own unwinding of DWARF recordings, as JSON.

    perf_call_sites.py --cgroup NAME --seconds S [--during FILE.jostle] [-o OUT.json]

Records with `perf record --call-graph dwarf,8192` (as root) and reads `perf script --no-inline`. Only stacks that reach
`main` or a thread's start are believed: perf's unwinder (libunwind or libdw, as perf was built) stops early in some, and
what it shows then is no call site. How many those are is part of the answer. A call site is the innermost user function
outside libc, the dynamic linker and the vDSO. Each has its share of all system calls' samples, with a 95 % interval.

With --during FILE.jostle only samples count that were taken while jostle made that recording; it waits for its end.
"""

import argparse
import collections
import json
import math
import os
import re
import subprocess
import sys
import tempfile

from kernel_entry import entry
from perf_oracle import SLICE_SECONDS, share, window

HEAD = re.compile(r"\s*(\d+)\s+(\d+\.\d+):\s+\S+?:\s*$")
FRAME = re.compile(r"\s+([0-9a-f]+) (.*) \((.*)\)$")
LIBRARY = re.compile(r"(?:libc|libpthread|ld-linux[^/]*|ld)(?:\.so|-2\.)|\[vdso\]")
OUTERMOST = {"main", "start_thread", "_start", "__libc_start_main", "__libc_start_call_main"}
KERNEL_HALF = 1 << 63


def record(cgroup: str, seconds: float, frequency: int, data: str) -> None:
    # Without build IDs: perf 6.1 dies of one longer than 20 bytes in whatever file was mapped meanwhile.
    command = ["perf", "record", "-a", "--call-graph", "dwarf,8192", "-B", "-N", "-k", "CLOCK_MONOTONIC", "-F", str(frequency), "-e", "cpu-clock",
               "-G", cgroup, "-o", data, "--", "sleep", str(seconds)]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    if done.returncode != 0:
        sys.exit(f"perf_call_sites: perf record fails: {done.stderr}")


def stacks(data: str):
    """Yields (time in seconds, [(address, symbol, file), ...] innermost first) for each sample."""
    command = ["perf", "script", "--no-inline", "-i", data, "-F", "tid,time,event,ip,sym,dso", "--ns"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
                          errors="replace") as script:
        at, frames = None, []
        for line in script.stdout:
            if start := HEAD.match(line):
                if at is not None:
                    yield at, frames
                at, frames = float(start[2]), []
            elif (frame := FRAME.match(line)) and at is not None:
                frames.append((int(frame[1], 16), frame[2].strip(), frame[3]))
        if at is not None:
            yield at, frames
    if script.returncode != 0:
        sys.exit(f"perf_call_sites: perf script cannot read {data}")


def analyse(data: str, during: tuple[float, float]) -> dict:
    counts = collections.Counter()
    slices = collections.defaultdict(collections.Counter)
    for at, frames in stacks(data):
        if not during[0] <= at <= during[1]:
            continue
        counts["stacks"] += 1
        kernel = [symbol for address, symbol, _ in frames if address >= KERNEL_HALF]
        user = [(symbol, file) for address, symbol, file in frames if address < KERNEL_HALF]
        if not any(symbol in OUTERMOST for symbol, _ in user):
            continue
        counts["complete"] += 1
        kind, name = entry(kernel) if kernel else ("user", "")
        if kind != "syscall":
            continue
        site = next((symbol for symbol, file in user if not LIBRARY.match(os.path.basename(file))), "?")
        slices[int(at / SLICE_SECONDS)].update([(name, site), "all"])
    sites = sum(slices.values(), collections.Counter())
    del sites["all"]
    return {
        "schema": "jostle.perf-call-sites",
        "stacks": counts["stacks"],
        "complete": counts["complete"],
        "sites": [{"syscall": site[0], "function": site[1], "samples": count, "share": share(slices, site, "all")}
                  for site, count in sites.most_common()],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cgroup", required=True)
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--frequency", type=int, default=499)
    parser.add_argument("--during", metavar="FILE.jostle", help="a jostle recording that is made meanwhile")
    parser.add_argument("-o", "--output")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        data = os.path.join(directory, "perf.data")
        record(options.cgroup, options.seconds, options.frequency, data)
        result = analyse(data, window(options.during) if options.during else (0, math.inf))
    with open(options.output, "w") if options.output else sys.stdout as out:
        json.dump(result, out, indent=1)
        out.write("\n")


if __name__ == "__main__":
    main()
