"""One peer in a process of its own: told how many steps to run, it says how long they took.

    python -m benchmarks.slice "gobhir compiled" W2

The first line of output is the losses of the first steps; then, for each number read from
standard input, a line with the seconds and the processor seconds of so many steps.
"""

from __future__ import annotations

import json
import resource
import sys
import time

from benchmarks.peers import PEERS
from benchmarks.workloads import WORKLOADS

WARM = 0.2
"""Part of the steps that run before the clock does: a process that idled is slow at first."""


def main(peer: str, workload: str) -> None:
    step = PEERS[peer].make(WORKLOADS[workload])
    _tell(losses=[step() for _ in range(6)])
    for line in sys.stdin:
        count = int(line)
        for _ in range(max(1, int(WARM * count))):
            step()
        cpu, wall = time.process_time(), time.perf_counter()
        for _ in range(count):
            step()
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        _tell(seconds=wall, cpu=cpu, peak_mb=peak)


def _tell(**what: object) -> None:
    print(json.dumps(what), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
