"""What each feature of jostle costs the workload: `scripts/bench --features`.

Two loads that do nothing else, one of system calls and one of switches, run once in each round with each recorder, in a
cgroup of its own. They count their own work.
"""

import os
import shlex
import signal
import statistics
import subprocess
import sys
import time

NOBODY = "no profiler"
PLAIN = "jostle, neither"
LOADS = {"syscalls": "null-calls --threads 2", "switches": "pipe-ping-pong --threads 4"}


def recorders(jostle: str, cgroup: str, file: str) -> dict[str, list[str]]:
    """By name: jostle with each of its features, and what perf has instead."""
    own = [jostle, "record", "--cgroup", cgroup, "--no-locks", "-o", file]
    return {
        NOBODY: ["sleep", "3600"],
        PLAIN: own + ["--no-blocked", "--no-calls"],
        "jostle, blocked time": own + ["--no-calls"],
        "jostle, calls": own + ["--no-blocked"],
        "jostle, both": own,
        "perf trace -s": ["perf", "trace", "-s", "-a", "-G", cgroup, "-o", file],
        "perf sched_switch -g": ["perf", "record", "-a", "-g", "-B", "-N", "-e", "sched:sched_switch", "-G", cgroup, "-o",
                                 file],
    }


def one(options, make_cgroup, load: str, name: str, directory: str) -> dict:
    """One run of the load beside one recorder, which records before the load begins and until it has ended."""
    file = os.path.join(directory, "recording")
    with make_cgroup() as cgroup, open(file + ".log", "w+") as log:
        command = recorders(options.jostle, cgroup.name, file)[name]
        recorder = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        try:
            time.sleep(options.warm_up)
            done = subprocess.run(
                [options.workload, *shlex.split(load), "--cgroup", cgroup.path, "--directory", directory, "--seconds",
                 str(options.seconds)], capture_output=True, check=True, text=True)
            if recorder.poll() is not None:
                log.seek(0)
                sys.exit(f"bench: {shlex.join(command)} ended early:\n{log.read()}")
        finally:
            if recorder.returncode is None:
                recorder.send_signal(signal.SIGINT)
                _, status, usage = os.wait4(recorder.pid, 0)
                recorder.returncode = os.waitstatus_to_exitcode(status)
    result = {"truth": done.stdout, "cpu_s": usage.ru_utime + usage.ru_stime}
    if name != NOBODY:
        size = os.path.getsize(file)
        if size < 1000:
            sys.exit(f"bench: {name} was not alive: {size} bytes\n{open(file + '.log').read()}")
        result["bytes"] = size
        os.remove(file)
    return result


def run(options, make_cgroup, truth, directory: str) -> tuple[str, dict]:
    """All rounds of all recorders.

    - truth: makes a figure of work a second from the line that a load prints.
    """
    lines, figures = [], {}
    names = list(recorders("", "", ""))
    for kind, load in LOADS.items():
        rounds: dict[str, list[dict]] = {name: [] for name in names}
        for number in range(options.rounds):
            for index in range(len(names)):
                name = names[(index + number) % len(names)]
                print(f"\r{kind}, round {number + 1} of {options.rounds}: {name:24}", end="", file=sys.stderr, flush=True)
                result = one(options, make_cgroup, load, name, directory)
                result["rate"] = truth(result.pop("truth"))
                rounds[name].append(result)
        print("\r" + " " * 60 + "\r", end="", file=sys.stderr)
        still = statistics.median(result["rate"] for result in rounds[NOBODY])
        lines.append(f"{load} · {options.seconds:g} s · medians of {options.rounds} rounds · {still:,.0f} calls/s with no profiler")
        lines.append(f"{'':22}{'calls/s':>12}{'slow-down':>11}{'recorder':>15}{'bytes/s':>12}")
        figures[kind] = {}
        for name in names:
            if name == NOBODY:
                continue
            # Rounds are neighbours in time: each is compared with its own round without a profiler.
            slow = statistics.median(1 - it["rate"] / without["rate"] for it, without in zip(rounds[name], rounds[NOBODY]))
            rate, cpu, size = (statistics.median(it[key] for it in rounds[name]) for key in ("rate", "cpu_s", "bytes"))
            figures[kind][name] = {"slowdown": slow, "rate": rate, "cpu_s": cpu, "bytes": size}
            lines.append(
                f"{name:22}{rate:12,.0f}{slow * 100:9.1f} %{cpu / options.seconds * 100:9.1f} % CPU"
                f"{size / options.seconds:12,.0f}")
        lines.append("")
    return "\n".join(lines).rstrip(), figures
